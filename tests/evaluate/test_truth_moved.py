"""Truth that lies in the capture's own world, where that is not ours."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from o2recon.evaluate.truth import load_truth
from o2recon.evaluate.truth_moved import moved_truth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    truth = tmp_path / "capture" / "groundtruth"
    truth.mkdir(parents=True)
    trimesh.creation.box((1.0, 2.0, 3.0)).export(truth / "3.ply")
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(50, 3)) / 1.0
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.savez(truth / "7_points.npz", points=rng.normal(size=(50, 3)), normals=normals, seen=rng.random(50) > 0.5)
    (truth / "notes.txt").write_text("of no object")
    return truth


def similarity() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = 0.01 * Rotation.from_rotvec([0.3, -1.0, 0.2]).as_matrix()
    return matrix


def test_meshes_points_and_normals_go_where_the_cameras_went(folder: Path, tmp_path: Path) -> None:
    to_world = similarity()
    moved = moved_truth(folder, to_world, tmp_path / "work")
    assert {p.name for p in moved.iterdir()} == {"3.ply", "7_points.npz", "moved.json"}
    box = load_truth(moved, 3).mesh
    assert box is not None and box.is_watertight and box.volume == pytest.approx(6e-6, rel=1e-4)
    corners = trimesh.creation.box((1.0, 2.0, 3.0)).vertices @ to_world[:3, :3].T
    np.testing.assert_allclose(np.sort(box.vertices, 0), np.sort(corners, 0), atol=1e-7)
    before, after = load_truth(folder, 7), load_truth(moved, 7)
    np.testing.assert_allclose(after.points, before.points @ to_world[:3, :3].T)
    assert after.normals is not None and before.normals is not None and after.seen is not None
    np.testing.assert_allclose(after.normals, before.normals @ to_world[:3, :3].T * 100, atol=1e-12)
    np.testing.assert_array_equal(after.seen, before.seen)


def test_the_same_world_needs_no_copy(folder: Path, tmp_path: Path) -> None:
    assert moved_truth(folder, np.eye(4), tmp_path / "work") == folder and not (tmp_path / "work").exists()


def test_copies_are_made_again_when_they_would_differ(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "work"
    first = (moved_truth(folder, similarity(), target) / "3.ply").stat().st_mtime_ns
    assert (moved_truth(folder, similarity(), target) / "3.ply").stat().st_mtime_ns == first
    trimesh.creation.box((1.0, 1.0, 1.0)).export(folder / "3.ply")
    mesh = load_truth(moved_truth(folder, similarity(), target), 3).mesh
    assert mesh is not None and mesh.volume == pytest.approx(1e-6, rel=1e-4)
    mesh = load_truth(moved_truth(folder, np.diag([2.0, 2, 2, 1]), target), 3).mesh
    assert mesh is not None and mesh.volume == pytest.approx(8, rel=1e-4)
