"""Metrics against closed forms, other libraries and invariances."""

import json

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import Truth, load_truth, sample_surface
from o2recon.evaluate import score as full_score


def score(mesh, truth: Truth, **options) -> dict:
    """The metrics from fewer samples."""
    return full_score(mesh, truth, **{"prediction_samples": 40_000, "iou_samples": 40_000} | options)


def ball(radius: float, subdivisions: int = 4) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)


def truth_of(mesh: trimesh.Trimesh, seen=None, count: int = 20_000) -> Truth:
    samples = sample_surface(mesh, count=count, seed=1)
    return Truth(1, samples.points, samples.normals, None if seen is None else seen(samples.points), mesh)


def test_concentric_balls_are_their_radii_apart():
    values = score(ball(0.53), truth_of(ball(0.5)))["complete"]
    for key in ("accuracy_cm", "completeness_cm", "chamfer_cm"):
        assert values[key] == pytest.approx(3.0, abs=0.12)
    assert values["f_score_2cm"] == 0 and values["f_score_5cm"] == 1 and values["recall_10cm"] == 1
    assert values["normal_consistency"] == pytest.approx(1, abs=0.005)
    assert values["normal_consistency_signed"] == pytest.approx(1, abs=0.005)
    assert values["iou"] == pytest.approx((0.5 / 0.53) ** 3, abs=0.015)


def test_a_mesh_against_itself_is_perfect():
    mesh = trimesh.creation.box([0.5, 0.4, 0.9])
    values = score(mesh, truth_of(mesh))["complete"]
    assert values["chamfer_cm"] < 0.6 and values["f_score_2cm"] > 0.999 and values["iou"] == 1


def test_chamfer_equals_a_plain_computation():
    mesh, truth = trimesh.creation.capsule(height=0.5, radius=0.2), truth_of(ball(0.4), count=500)
    samples = sample_surface(mesh, count=400, seed=0).points
    all_pairs = np.linalg.norm(samples[:, None] - truth.points[None], axis=-1)
    values = score(mesh, truth, prediction_samples=400)["complete"]
    assert values["accuracy_cm"] == pytest.approx(100 * all_pairs.min(1).mean())
    assert values["completeness_cm"] == pytest.approx(100 * all_pairs.min(0).mean())
    assert values["precision_10cm"] == pytest.approx((all_pairs.min(1) < 0.1).mean())


def test_iou_of_boxes_is_the_closed_form():
    truth, moved = trimesh.creation.box([1, 1, 1]), trimesh.creation.box([1, 1, 1])
    moved.apply_translation([0.25, 0, 0])
    assert score(moved, truth_of(truth))["complete"]["iou"] == pytest.approx(0.75 / 1.25, abs=0.01)


def test_visible_and_hidden_are_split_by_the_nearest_truth_point():
    """The upper half is exact, the lower half 4 cm too large."""
    mesh = ball(0.5, 5)
    low = mesh.vertices[:, 2] < 0
    mesh.vertices[low] *= 0.54 / 0.5
    parts = score(mesh, truth_of(ball(0.5, 5), seen=lambda p: p[:, 2] > 0))
    assert parts["visible"]["accuracy_cm"] < 0.8 and parts["visible"]["f_score_2cm"] > 0.95
    assert parts["hidden"]["accuracy_cm"] == pytest.approx(4, abs=0.3)
    assert parts["hidden"]["f_score_2cm"] < 0.05
    assert parts["complete"]["iou"] is not None and "iou" not in parts["hidden"]


def test_flipped_normals_only_change_the_signed_consistency():
    mesh, truth = ball(0.5), truth_of(ball(0.5))
    before = score(mesh, truth)["complete"]
    mesh.invert()
    after = score(mesh, truth)["complete"]
    assert after["normal_consistency"] == pytest.approx(before["normal_consistency"], abs=1e-3)
    assert after["normal_consistency_signed"] == pytest.approx(-before["normal_consistency_signed"], abs=1e-3)


def test_rigid_motion_changes_nothing():
    prediction, truth = ball(0.45, 3), truth_of(trimesh.creation.box([0.8, 0.8, 0.8]), seen=lambda p: p[:, 0] > 0)
    motion = trimesh.transformations.rotation_matrix(0.7, [1, 1, 0.3])
    motion[:3, 3] = [4, -3, 2]
    moved_mesh = truth.mesh.copy().apply_transform(motion)
    points, normals = truth.points @ motion[:3, :3].T + motion[:3, 3], truth.normals @ motion[:3, :3].T
    moved = score(prediction.copy().apply_transform(motion), Truth(1, points, normals, truth.seen, moved_mesh))
    for part, values in score(prediction, truth).items():
        for key, value in values.items():
            assert moved[part][key] == pytest.approx(value, abs=0.02 if key == "iou" else 1e-6), (part, key)


@pytest.mark.parametrize(
    "mesh", [None, trimesh.Trimesh(), trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)]
)
def test_a_failed_mesh_scores_zero_and_has_no_distances(mesh):
    parts = score(mesh, truth_of(ball(0.5, 2), seen=lambda p: p[:, 2] > 0, count=100))
    for part in ("visible", "complete", "hidden"):
        assert parts[part]["f_score_5cm"] == 0 and parts[part]["chamfer_cm"] is None
    assert parts["complete"]["iou"] == 0
    json.dumps(parts, allow_nan=False)


def test_an_open_mesh_has_iou_zero_but_distances():
    mesh = ball(0.5)
    mesh.update_faces(np.arange(len(mesh.faces)) > 5)
    values = score(mesh, truth_of(ball(0.5)))["complete"]
    assert values["iou"] == 0 and values["f_score_5cm"] == 1


def test_only_recall_and_completeness_against_an_observed_point_set():
    points = sample_surface(ball(0.5), count=2000, seed=0).points
    values = score(ball(0.5), Truth(1, points[points[:, 2] > 0], None, None, None))
    assert values["visible"] is None and values["hidden"] is None
    told = {key for key, value in values["complete"].items() if value is not None}
    assert told == {"completeness_cm", "recall_1cm", "recall_2cm", "recall_5cm", "recall_10cm"}


def test_nothing_predicted_near_a_part_leaves_its_distances_open():
    mesh = ball(0.2, 3)
    truth = truth_of(trimesh.util.concatenate([ball(0.2, 3), ball(0.2, 3).apply_translation([2, 0, 0])]))
    truth = Truth(1, truth.points, truth.normals, truth.points[:, 0] < 1, truth.mesh)
    hidden = score(mesh, truth)["hidden"]
    assert hidden["accuracy_cm"] is None and hidden["f_score_10cm"] == 0 and hidden["completeness_cm"] > 100


def test_samples_are_spread_by_area_and_repeatable():
    mesh = trimesh.creation.box([1, 1, 3])
    a, b = sample_surface(mesh, count=20_000, seed=0), sample_surface(mesh, count=20_000, seed=0)
    np.testing.assert_array_equal(a.points, b.points)
    caps = np.abs(a.normals[:, 2]) > 0.9
    assert caps.mean() == pytest.approx(2 / 14, abs=0.01)
    np.testing.assert_allclose(np.abs(a.points[caps, 2]), 1.5, atol=1e-9)
    np.testing.assert_allclose(a.points.mean(0), 0, atol=0.03)


def test_shared_truth_against_itself_is_near_perfect(shared_data):
    truth = load_truth(shared_data / "room_dining" / "groundtruth", 2)
    parts = full_score(truth.mesh, truth)
    assert parts["complete"]["iou"] == 1 and parts["complete"]["chamfer_cm"] < 0.2
    assert parts["hidden"]["f_score_1cm"] > 0.99 and parts["visible"]["f_score_1cm"] > 0.99
