"""Finding and reading ground truth."""

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import find_truth, load_truth, truth_fingerprint


@pytest.fixture
def folder(tmp_path):
    trimesh.creation.box([1, 1, 1]).export(tmp_path / "1.ply")
    trimesh.PointCloud(np.random.default_rng(0).random((50, 3))).export(tmp_path / "2.ply")
    return tmp_path


def test_a_mesh_alone_gives_samples(folder):
    truth = load_truth(folder, 1)
    assert truth.points.shape == (100_000, 3) and truth.seen is None and not truth.observed_only


def test_given_points_are_used_as_they_are(folder):
    points = np.random.default_rng(0).random((70, 3)).astype(np.float32)
    np.savez(folder / "1_points.npz", points=points, normals=np.full((70, 3), 0.5, np.float16), seen=np.arange(70) < 9)
    truth = load_truth(folder, 1)
    np.testing.assert_array_equal(truth.points, points)
    assert truth.seen.sum() == 9
    np.testing.assert_allclose(np.linalg.norm(truth.normals, axis=1), 1)


def test_a_ply_without_faces_is_an_observed_point_set(folder):
    truth = load_truth(folder, 2)
    assert truth.observed_only and truth.points.shape == (50, 3) and truth.normals is None


def test_absence_is_an_error_only_when_truth_is_demanded(folder):
    assert find_truth(folder, 3) is None and find_truth(None, 1) is None
    with pytest.raises(ValueError, match=r"3\.ply is missing"):
        load_truth(folder, 3)


def test_damaged_files_are_named(folder):
    (folder / "1_points.npz").write_bytes(b"PK nonsense")
    with pytest.raises(ValueError, match=r"1_points\.npz"):
        load_truth(folder, 1)
    (folder / "2.ply").write_bytes(b"ply\n")
    with pytest.raises(ValueError, match=r"2\.ply"):
        load_truth(folder, 2)
    np.savez(folder / "1_points.npz", points=np.zeros((5, 3)), seen=np.zeros(4, bool))
    with pytest.raises(ValueError, match="different lengths"):
        load_truth(folder, 1)


def test_the_fingerprint_follows_the_content(folder):
    first = truth_fingerprint(folder, 1)
    assert first == truth_fingerprint(folder, 1) != truth_fingerprint(folder, 2)
    trimesh.creation.box([1, 1, 2]).export(folder / "1.ply")
    assert truth_fingerprint(folder, 1) != first
    assert truth_fingerprint(folder, 9) == truth_fingerprint(None, 1) == "none"
