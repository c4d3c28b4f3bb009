"""Reading anybody's files."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_up_results import sphere, write, write_cloud

from o2recon.evaluate.surface import read_points, read_surface
from o2recon.mesh.export import write_glb


@pytest.mark.parametrize("suffix", ["ply", "obj", "off", "stl", "glb"])
def test_every_format_gives_the_same_closed_mesh(tmp_path: Path, suffix: str) -> None:
    """STL stores every corner three times; GLB has +y up by specification."""
    mesh, file = sphere(2), tmp_path / f"2.{suffix}"
    if suffix == "glb":
        write_glb(file, {"object": mesh})
    else:
        write(file, mesh)
    read = read_surface(file).mesh
    assert read is not None and read.is_watertight
    np.testing.assert_allclose(read.bounds, mesh.bounds, atol=1e-5)
    assert read.volume == pytest.approx(mesh.volume, rel=1e-4)


def test_the_points_of_a_mesh_are_its_vertices_as_stored(tmp_path: Path) -> None:
    soup = sphere(1)
    soup.unmerge_vertices()
    surface = read_surface(write(tmp_path / "1.ply", soup))
    assert len(surface.points) == 3 * len(soup.faces) and surface.mesh is not None and surface.mesh.is_watertight


def test_a_point_cloud_has_no_mesh(tmp_path: Path) -> None:
    file = write_cloud(tmp_path / "1.ply", sphere(1))
    surface = read_surface(file)
    assert surface.mesh is None
    np.testing.assert_allclose(surface.points, read_points(file))


def bad_vertex() -> trimesh.Trimesh:
    mesh = sphere(1)
    mesh.vertices[5] = np.nan
    return mesh


def flat() -> trimesh.Trimesh:
    return trimesh.Trimesh([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 1, 2]], process=False)


def too_high() -> trimesh.Trimesh:
    return trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 7]], process=False, validate=False)


@pytest.mark.parametrize(
    ("make", "expected"), [(bad_vertex, "are no numbers"), (flat, "without area"), (too_high, "that are not there")]
)
def test_a_mesh_that_cannot_be_measured_is_refused(tmp_path: Path, make: object, expected: str) -> None:
    file = tmp_path / "1.ply"
    mesh = make()  # type: ignore[operator]
    rows = "\n".join(" ".join(map(str, v)) for v in mesh.vertices)
    faces = "\n".join("3 " + " ".join(map(str, f)) for f in mesh.faces)
    header = f"ply\nformat ascii 1.0\nelement vertex {len(mesh.vertices)}\nproperty float x\nproperty float y\n"
    header += f"property float z\nelement face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    file.write_text(f"{header}{rows}\n{faces}\n")
    with pytest.raises(ValueError, match=expected):
        read_surface(file)


@pytest.mark.parametrize("content", [b"", b"ply\n", b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.ply").write_bytes(content)
    with pytest.raises(ValueError, match=r"1\.ply"):
        read_surface(tmp_path / "1.ply")
