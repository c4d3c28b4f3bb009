"""Files come back as they were, upright, and damaged ones are named."""

import json
import struct

import numpy as np
import pytest
import trimesh

from o2recon.mesh import (
    Evidence,
    read_evidence,
    read_mesh,
    set_colors,
    stored_colors,
    write_glb,
    write_ply,
    write_scene,
)
from o2recon.mesh.gltf import srgb_to_linear


@pytest.fixture
def mesh() -> trimesh.Trimesh:
    mesh = trimesh.creation.box([0.4, 0.6, 1.0])
    mesh.apply_translation([10, 20, 0.5])
    set_colors(mesh, np.random.default_rng(0).integers(0, 255, (8, 3)).astype(np.uint8))
    return mesh


def test_ply_keeps_geometry_colours_and_evidence(mesh, tmp_path):
    generator = np.random.default_rng(1)
    evidence = Evidence(generator.random(8).astype(np.float32), generator.integers(0, 3, 8).astype(np.uint8))
    write_ply(tmp_path / "mesh.ply", mesh, evidence=evidence)
    back, stored = read_mesh(tmp_path / "mesh.ply"), read_evidence(tmp_path / "mesh.ply")
    np.testing.assert_allclose(back.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(back.faces, mesh.faces)
    np.testing.assert_array_equal(stored_colors(back), stored_colors(mesh))
    np.testing.assert_array_equal(stored.value, evidence.value)
    np.testing.assert_array_equal(stored.source, evidence.source)


def test_a_mesh_without_faces_can_be_written_and_is_refused_when_read(mesh, tmp_path):
    write_ply(tmp_path / "empty.ply", trimesh.Trimesh())
    with pytest.raises(ValueError, match=r"empty\.ply"):
        read_mesh(tmp_path / "empty.ply")
    assert len(read_mesh(tmp_path / "empty.ply", allow_empty=True).faces) == 0


def test_a_ply_of_others_has_no_evidence(mesh, tmp_path):
    mesh.export(tmp_path / "other.ply")
    assert read_evidence(tmp_path / "other.ply") is None


@pytest.mark.parametrize("content", [b"", b"ply\nformat ascii", b"\0" * 100])
def test_damaged_files_are_named(content, tmp_path):
    (tmp_path / "bad.ply").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.ply"):
        read_mesh(tmp_path / "bad.ply")
    with pytest.raises(ValueError, match=r"none\.ply"):
        read_mesh(tmp_path / "none.ply")


def test_a_truncated_ply_is_named(mesh, tmp_path):
    write_ply(tmp_path / "mesh.ply", mesh)
    content = (tmp_path / "mesh.ply").read_bytes()
    (tmp_path / "mesh.ply").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ValueError, match=r"mesh\.ply"):
        read_mesh(tmp_path / "mesh.ply")


def test_glb_stands_upright_for_others_and_comes_back_in_scene_coordinates(mesh, tmp_path):
    write_glb(tmp_path / "mesh.glb", {"box": mesh})
    scene = trimesh.load_scene(tmp_path / "mesh.glb")
    low, high = scene.bounds
    np.testing.assert_allclose([low[1], high[1]], [0, 1], atol=1e-6)
    np.testing.assert_allclose([low[2], high[2]], [-20.3, -19.7], atol=1e-5)
    back = read_mesh(tmp_path / "mesh.glb")
    np.testing.assert_allclose(back.bounds, mesh.bounds, atol=1e-5)
    assert back.volume == pytest.approx(mesh.volume, rel=1e-5)


def test_glb_has_one_root_linear_colours_and_unit_normals(mesh, tmp_path):
    write_glb(tmp_path / "mesh.glb", {"box": mesh})
    content = (tmp_path / "mesh.glb").read_bytes()
    length = struct.unpack("<I", content[12:16])[0]
    assert struct.unpack("<I", content[8:12])[0] == len(content)
    tree = json.loads(content[20 : 20 + length])
    assert tree["scenes"][0]["nodes"] == [0] and len(tree["nodes"]) == 2
    attributes = tree["meshes"][0]["primitives"][0]["attributes"]
    binary = content[20 + length + 8 :]

    def array(name: str, kind: str, width: int) -> np.ndarray:
        view = tree["bufferViews"][tree["accessors"][attributes[name]]["bufferView"]]
        return np.frombuffer(binary, kind, view["byteLength"] // np.dtype(kind).itemsize, view["byteOffset"]).reshape(
            -1, width
        )

    np.testing.assert_allclose(
        array("COLOR_0", "<u2", 4)[:, :3] / 65535, srgb_to_linear(stored_colors(mesh)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.norm(array("NORMAL", "<f4", 3), axis=1), 1, atol=1e-6)


def test_a_scene_holds_all_objects_in_place(mesh, tmp_path):
    other = mesh.copy()
    other.apply_translation([3, 0, 0])
    write_ply(tmp_path / "1.ply", mesh)
    write_ply(tmp_path / "2.ply", other)
    write_scene(tmp_path / "scene.glb", [("1 chair", tmp_path / "1.ply"), ("2 table", tmp_path / "2.ply")])
    assert set(trimesh.load_scene(tmp_path / "scene.glb").geometry) == {"1 chair", "2 table"}
    assert read_mesh(tmp_path / "scene.glb").extents[0] == pytest.approx(3.4, abs=1e-5)
    with pytest.raises(ValueError, match="no object"):
        write_scene(tmp_path / "none.glb", [])


def test_a_failed_write_leaves_the_old_file(mesh, tmp_path):
    write_ply(tmp_path / "mesh.ply", mesh)
    before = (tmp_path / "mesh.ply").read_bytes()
    with pytest.raises(ValueError):
        write_ply(tmp_path / "mesh.ply", mesh, evidence=Evidence(np.zeros(3, np.float32), np.zeros(3, np.uint8)))
    assert (tmp_path / "mesh.ply").read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["mesh.ply"]
