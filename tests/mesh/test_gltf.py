"""GLB files of textures and evidence follow the format, and join without loss."""

import json
import struct

import numpy as np
import pytest
import trimesh

from o2recon.mesh import Evidence, Glb, TexturedMesh, encoded, read_mesh, set_colors, write_glb, write_ply, write_scene
from o2recon.mesh.gltf import srgb_to_linear

SIZES = {5126: 4, 5125: 4, 5123: 2}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
KINDS = {5126: "<f4", 5125: "<u4", 5123: "<u2"}


def opened(path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    length = struct.unpack("<I", content[12:16])[0]
    return json.loads(content[20 : 20 + length]), content[28 + length :]


def array(tree: dict, binary: bytes, index: int) -> np.ndarray:
    accessor = tree["accessors"][index]
    view = tree["bufferViews"][accessor["bufferView"]]
    width, kind = WIDTHS[accessor["type"]], accessor["componentType"]
    assert view["byteLength"] == accessor["count"] * width * SIZES[kind] and view["byteOffset"] % 4 == 0
    return np.frombuffer(binary, KINDS[kind], accessor["count"] * width, view["byteOffset"]).reshape(-1, width)


def square(shift: float) -> TexturedMesh:
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) + [shift, 0, 0]
    image = np.random.default_rng(int(shift)).integers(0, 255, (6, 4, 3)).astype(np.uint8)
    faces, uv = np.array([[0, 1, 2], [0, 2, 3]]), np.array([[0, 1], [1, 1], [1, 0], [0, 0.0]])
    return TexturedMesh(corners, np.tile([0.0, 0, 1], (4, 1)), faces, uv, image)


def write_square(path, shift: float) -> None:
    writer, mesh = Glb(), square(shift)
    writer.add_textured("object", mesh, image=encoded(mesh.image, ".png"), suffix=".png")
    path.write_bytes(writer.content())


def test_evidence_is_a_second_colour_layer_and_an_attribute(tmp_path):
    mesh = trimesh.creation.box()
    set_colors(mesh, np.full((8, 3), 77, np.uint8))
    evidence = Evidence(np.linspace(0, 1, 8).astype(np.float32), np.array([0, 1, 2, 0, 1, 2, 0, 1], np.uint8))
    mesh.vertex_attributes.update({"evidence": evidence.value, "source": evidence.source})
    write_glb(tmp_path / "mesh.glb", {"box": mesh})
    tree, binary = opened(tmp_path / "mesh.glb")
    attributes = tree["meshes"][0]["primitives"][0]["attributes"]
    np.testing.assert_array_equal(array(tree, binary, attributes["_EVIDENCE"])[:, 0], evidence.value)
    np.testing.assert_array_equal(array(tree, binary, attributes["_SOURCE"])[:, 0], evidence.source)
    layer = array(tree, binary, attributes["COLOR_1"])[:, :3] / 65535
    np.testing.assert_allclose(layer, srgb_to_linear(evidence.colors), atol=1e-5)
    np.testing.assert_array_equal(array(tree, binary, attributes["COLOR_0"])[:, 3], 65535)


def test_a_scene_takes_the_evidence_from_the_ply_files(tmp_path):
    evidence = Evidence(np.full(8, 0.25, np.float32), np.ones(8, np.uint8))
    write_ply(tmp_path / "with.ply", trimesh.creation.box(), evidence=evidence)
    write_ply(tmp_path / "without.ply", trimesh.creation.box())
    write_scene(tmp_path / "scene.glb", [("a", tmp_path / "with.ply"), ("b", tmp_path / "without.ply")])
    tree, _ = opened(tmp_path / "scene.glb")
    has = ["_EVIDENCE" in mesh["primitives"][0]["attributes"] for mesh in tree["meshes"]]
    assert has == [True, False]


def test_a_textured_file_comes_back_with_its_picture(tmp_path):
    write_square(tmp_path / "one.glb", 3)
    back = read_mesh(tmp_path / "one.glb")
    np.testing.assert_allclose(back.bounds, [[3, 0, 0], [4, 1, 0]], atol=1e-6)
    picture = np.asarray(back.visual.material.baseColorTexture.convert("RGB"))
    np.testing.assert_array_equal(picture, square(3).image)
    np.testing.assert_allclose(back.visual.uv, square(3).uv * [1, -1] + [0, 1], atol=1e-6)  # trimesh counts v upwards


def test_joined_files_keep_places_pictures_and_names(tmp_path):
    writer = Glb()
    for i in (3, 8):
        write_square(tmp_path / f"{i}.glb", i)
        writer.append(f"object {i}", tmp_path / f"{i}.glb")
    plain = trimesh.creation.box()
    write_glb(tmp_path / "plain.glb", {"box": plain})
    writer.append("plain", tmp_path / "plain.glb")
    (tmp_path / "all.glb").write_bytes(writer.content())
    scene = trimesh.load_scene(tmp_path / "all.glb")
    assert set(scene.geometry) == {"object 3", "object 8", "plain"}
    for i in (3, 8):
        picture = np.asarray(scene.geometry[f"object {i}"].visual.material.baseColorTexture.convert("RGB"))
        np.testing.assert_array_equal(picture, square(i).image)
    low, high = read_mesh(tmp_path / "all.glb").bounds
    np.testing.assert_allclose([low[0], high[0]], [-0.5, 9], atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"glTF", b"\0" * 64])
def test_only_our_own_files_are_joined(content, tmp_path):
    (tmp_path / "other.glb").write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.glb is no GLB of one object"):
        Glb().append("x", tmp_path / "other.glb")
