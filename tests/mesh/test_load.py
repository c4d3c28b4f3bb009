"""Geometry of others behind a guard: damage is refused in one line that names the file, before room is made for it."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import trimesh

from o2recon.mesh.evidence import Evidence
from o2recon.mesh.export import read_evidence, read_mesh, write_ply
from o2recon.mesh.load import check_ply, load_geometry

HEADER = """ply
format binary_little_endian 1.0
comment by hand
element vertex 3
property float x
property float y
property float z
element face 1
property list uchar int vertex_indices
end_header
"""
VERTICES = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
FACE = struct.pack("<B3i", 3, 0, 1, 2)


def ply(path: Path, header: str = HEADER, *, vertices: bytes = VERTICES, face: bytes = FACE) -> Path:
    path.write_bytes(header.encode() + vertices + face)
    return path


def test_a_triangle_by_hand(tmp_path: Path) -> None:
    mesh = read_mesh(ply(tmp_path / "a.ply"))
    np.testing.assert_array_equal(mesh.vertices, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2]])


def test_vertices_stay_as_they_are_stored(tmp_path: Path) -> None:
    """Twice at one place, once without a face: nothing is merged or dropped."""
    header = HEADER.replace("vertex 3", "vertex 5")
    mesh = read_mesh(ply(tmp_path / "a.ply", header, vertices=VERTICES + VERTICES[:24]))
    assert len(mesh.vertices) == 5


@pytest.mark.parametrize(
    ("header", "vertices", "face", "message"),
    [
        (HEADER, VERTICES, struct.pack("<B3i", 3, 0, 1, 3), r"faces with vertices that are not there"),
        (HEADER, VERTICES, struct.pack("<B3i", 3, 0, 1, -1), r"faces with vertices that are not there"),
        (HEADER, struct.pack("<f", float("nan")) + VERTICES[4:], FACE, r"no numbers, or none in metres"),
        (HEADER, struct.pack("<f", 1e30) + VERTICES[4:], FACE, r"no numbers, or none in metres"),
        (HEADER, VERTICES[:30], FACE, r"cannot be read as geometry"),
        (HEADER, VERTICES, b"", r"damaged: 2\d\d bytes are needed"),
        (HEADER.replace("vertex 3", "vertex 4000000000"), VERTICES, FACE, r"48000000\d+ bytes are needed"),
        (HEADER.replace("face 1", "face 999999999999"), VERTICES, FACE, r"bytes are needed"),
        (HEADER.replace("vertex 3", "vertex -3"), VERTICES, FACE, r"no PLY file \(an element has no count\)"),
        (HEADER.replace("float y", "real y"), VERTICES, FACE, r"unknown type"),
        (HEADER.replace("comment by", "remark by"), VERTICES, FACE, r"unknown lines"),
        (HEADER.replace("end_header\n", ""), VERTICES, FACE, r"no beginning or no end"),
        (HEADER.replace("ply\n", "plx\n"), VERTICES, FACE, r"no beginning or no end"),
    ],
)
def test_damage_is_refused_in_one_line(tmp_path: Path, header: str, vertices: bytes, face: bytes, message: str) -> None:
    path = ply(tmp_path / "damaged.ply", header, vertices=vertices, face=face)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as error:
            read_mesh(path)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_pictures_that_a_file_names_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"no picture")
    header = HEADER.replace("comment by hand", "comment TextureFile secret.png")
    assert len(read_mesh(ply(tmp_path / "a.ply", header)).faces) == 1


@pytest.mark.parametrize("suffix", [".obj", ".stl", ".off", ".glb"])
def test_other_formats_are_guarded_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mesh{suffix}"
    data = trimesh.creation.box().export(file_type=suffix[1:])
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    assert len(read_mesh(path).faces) == 12
    path.write_bytes(b"\xff" + path.read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"mesh\{suffix} ") as error:
        read_mesh(path)
    assert "\n" not in str(error.value)


def test_evidence_without_its_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    mesh = trimesh.creation.box()
    write_ply(path, mesh, evidence=Evidence(np.ones(8, np.float32), np.zeros(8, np.uint8)))
    found = read_evidence(path)
    assert found is not None and len(found.value) == 8
    path.write_bytes(path.read_bytes().replace(b"uchar source", b"uchar sauces"))
    with pytest.raises(ValueError, match=r"'evidence' without 'source'"):
        read_evidence(path)


def test_an_ascii_file_needs_two_bytes_a_row_at_least(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    path.write_text("ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n2\n")
    check_ply(path)
    path.write_text("ply\nformat ascii 1.0\nelement vertex 200\nproperty float x\nend_header\n1\n2\n")
    with pytest.raises(ValueError, match=r"bytes are needed"):
        check_ply(path)
    with pytest.raises(ValueError, match=r"bytes are needed"):
        load_geometry(path)
