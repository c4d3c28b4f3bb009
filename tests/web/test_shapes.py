"""Meshes of the page: colours of the layers, budget of faces."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_up_study import shape, write_ply

from o2recon.mesh.export import read_mesh
from o2recon.report.colors import CLAY, ERROR_SCALE, GUESSED, SEEN, rgb
from o2recon.web.nodes import HiddenNode, MeshNode, TruthNode
from o2recon.web.shapes import hidden_points, mesh_shape, truth_shape

LIMITS = {"max_faces": 4000, "error_range": 0.05}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mesh.ply: a box; 1.ply: the same box 2 cm wider on either side, its lower half unseen; 2.ply: points only."""
    root = tmp_path_factory.mktemp("shapes")
    write_ply(root / "mesh.ply", shape("box"))
    wider = trimesh.creation.box(extents=[0.54, 0.54, 0.5])
    wider.apply_translation([2, 1, 0.25])
    wider.export(root / "1.ply")
    points = trimesh.sample.sample_surface(wider, 20_000, seed=1)[0]
    np.savez(root / "1_points.npz", points=points, seen=points[:, 2] > 0.25)
    trimesh.PointCloud(points).export(root / "2.ply")
    return root


def mesh_node(folder: Path, layer: str, truth: Path | None = None) -> MeshNode:
    file = folder / "mesh.ply"
    return MeshNode("1", file, file.stat().st_mtime_ns, layer, truth)


def test_few_faces_and_the_same_place(folder: Path) -> None:
    small = mesh_shape(mesh_node(folder, "own"), **LIMITS)
    assert small is not None and 0 < len(small.faces) <= LIMITS["max_faces"] < len(shape("box").faces)
    np.testing.assert_allclose(small.vertices.min(0), [1.75, 0.75, 0], atol=0.01)
    np.testing.assert_allclose(small.vertices.max(0), [2.25, 1.25, 0.5], atol=0.01)


def test_evidence_says_seen_above_and_guessed_below(folder: Path) -> None:
    small = mesh_shape(mesh_node(folder, "evidence"), **LIMITS)
    assert small is not None
    z = small.vertices[:, 2]
    assert (small.colors[z > 0.3] == rgb(SEEN)).all()
    assert (small.colors[z < 0.05] == rgb(GUESSED)).all()


def test_error_of_a_known_offset_has_the_colour_of_that_distance(folder: Path) -> None:
    small = mesh_shape(mesh_node(folder, "error", folder), **LIMITS)
    assert small is not None
    side = (np.abs(small.vertices[:, 0] - 2) > 0.249) & (np.abs(small.vertices[:, 2] - 0.25) < 0.15)
    expected = [np.interp(0.02 / 0.05, np.linspace(0, 1, 5), [rgb(c)[i] for c in ERROR_SCALE]) for i in range(3)]
    np.testing.assert_allclose(small.colors[side].mean(0), expected, atol=6)
    back = truth_shape(TruthNode("1", folder, "error", folder / "mesh.ply", 1), **LIMITS)
    assert back is not None and len(back.faces) > 12  # split: twelve triangles could not carry the colours
    side = (np.abs(back.vertices[:, 0] - 2) > 0.269) & (np.abs(back.vertices[:, 1:] - [1, 0.25]) < 0.15).all(1)
    np.testing.assert_allclose(back.colors[side].mean(0), expected, atol=6)


def test_without_truth_or_colours_it_is_clay(folder: Path) -> None:
    for small in (
        mesh_shape(mesh_node(folder, "error"), **LIMITS),
        mesh_shape(replace(mesh_node(folder, "error", folder), object="2"), **LIMITS),  # only observed points
        truth_shape(TruthNode("1", folder, "error", None, 0), **LIMITS),
        truth_shape(TruthNode("2", folder, "evidence", None, 0), **LIMITS),
    ):
        assert small is not None and (small.colors == rgb(CLAY)).all()


def test_the_truth_tells_its_hidden_part(folder: Path) -> None:
    small = truth_shape(TruthNode("1", folder, "evidence", None, 0), **LIMITS)
    points = hidden_points(HiddenNode("1", folder))
    assert small is not None and points is not None
    assert (small.colors[small.vertices[:, 2] > 0.3] == rgb(SEEN)).all()
    assert (small.colors[small.vertices[:, 2] < 0.2] == rgb(GUESSED)).all()
    assert points[:, 2].max() <= 0.25
    assert hidden_points(HiddenNode("2", folder)) is None


def test_an_observed_point_set_stays_points(folder: Path) -> None:
    small = truth_shape(TruthNode("2", folder, "own", None, 0), **LIMITS)
    assert small is not None and len(small.faces) == 0 and len(small.vertices) == 20_000


def test_missing_files_have_no_shape(tmp_path: Path) -> None:
    assert mesh_shape(MeshNode("1", tmp_path / "mesh.ply", 0, "own", None), **LIMITS) is None
    assert truth_shape(TruthNode("1", tmp_path, "own", None, 0), **LIMITS) is None
    assert hidden_points(HiddenNode("1", tmp_path)) is None


def test_the_glb_is_the_mesh_turned_and_an_open_one_has_a_back(folder: Path, tmp_path: Path) -> None:
    closed = mesh_shape(mesh_node(folder, "own"), **LIMITS)
    assert closed is not None and not closed.is_open
    (tmp_path / "closed.glb").write_bytes(closed.glb())
    again = read_mesh(tmp_path / "closed.glb")
    np.testing.assert_allclose(again.bounds, [closed.vertices.min(0), closed.vertices.max(0)], atol=1e-5)
    assert len(again.faces) == len(closed.faces)
    opened = closed.__class__(closed.vertices, closed.faces[:100], closed.colors, True)
    (tmp_path / "open.glb").write_bytes(opened.glb())
    double = read_mesh(tmp_path / "open.glb")
    assert len(double.faces) == 200
    np.testing.assert_allclose(double.face_normals[:100], -double.face_normals[100:], atol=1e-6)
