"""Points of PLY files, against files written by hand after the format's description and by trimesh."""

import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from o2recon.scene.readers.ply_points import read_ply_points

POINTS = np.array([[1.0, 2, 3], [-4, 5.5, 6], [0, 0, -7]])
# As nerfstudio's create_ply_from_colmap writes them.
TEXT = """ply
format ascii 1.0
comment by hand
element vertex 3
property float x
property float y
property float z
property uint8 red
property uint8 green
property uint8 blue
end_header
1.000000 2.000000 3.000000 10 20 30
-4.000000 5.500000 6.000000 0 0 0
0.000000 0.000000 -7.000000 255 255 255
"""


@pytest.mark.parametrize("order", ["little", "big"])
def test_binary_points_with_other_properties_and_faces_behind(tmp_path: Path, order: str) -> None:
    sign = "<" if order == "little" else ">"
    header = f"ply\nformat binary_{order}_endian 1.0\nelement vertex 3\nproperty uchar red\nproperty double y\n"
    header += (
        "property float x\nproperty double z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = b"".join(struct.pack(f"{sign}Bdfd", 9, y, x, z) for x, y, z in POINTS)
    (tmp_path / "a.ply").write_bytes(header.encode() + rows + struct.pack(f"{sign}B3i", 3, 0, 1, 2))
    assert (read_ply_points(tmp_path / "a.ply") == POINTS).all()


def test_text_points_as_nerfstudio_writes_them(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_text(TEXT)
    assert (read_ply_points(tmp_path / "a.ply") == POINTS).all()


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_points_written_by_trimesh(tmp_path: Path, encoding: str) -> None:
    trimesh.PointCloud(POINTS).export(tmp_path / "a.ply", encoding=encoding)
    np.testing.assert_allclose(read_ply_points(tmp_path / "a.ply"), POINTS, atol=1e-6)


def test_points_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_text(TEXT.replace("-4.000000", "nan"))
    assert (read_ply_points(tmp_path / "a.ply") == POINTS[[0, 2]]).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ply\n", "pig\n", "no PLY file"),
        ("end_header", "the_header", "header has no end"),
        ("vertex 3", "vertex 4", "4 vertices are more than it has lines for"),
        ("vertex 3", "vertex 999999999999", "more than it has lines"),
        ("vertex 3", "vertex 9999999999999", "no count"),
        ("float x", "float u", "no x, y, z"),
        ("uint8 red", "list uchar int red", "no single numbers"),
        ("0 0 0\n", "0\n", "too few numbers"),
        ("-4.000000", "four", "could not convert"),
    ],
)
def test_damage_is_one_line_that_names_the_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.ply").write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=message) as raised:
        read_ply_points(tmp_path / "a.ply")
    assert str(tmp_path / "a.ply") in str(raised.value) and "\n" not in str(raised.value)
