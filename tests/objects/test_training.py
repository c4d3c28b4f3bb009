from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from training_sphere import TrainingSphere, training_sphere

from o2recon.objects import ObjectBox, TrainingBox, VisibleCloud
from o2recon.transforms import world_to_object

ORDINARY: dict[str, Any] = {
    "cloud": partial(VisibleCloud, spacing=0.015, neighbors=16, deviations=2.0),
    "reach": 0.05,
    "reach_share": 0.1,
    "inflation": 1.05,
    "voxels": 24,
    "min_votes": 2,
    "margin": 0.01,
    "floor_slack": 0.02,
}


def box_of(sphere: TrainingSphere) -> TrainingBox:
    return TrainingBox(folder=sphere.data, cloud_inflation=1.1, **ORDINARY)


@pytest.fixture
def sphere(tmp_path: Path) -> TrainingSphere:
    return training_sphere(tmp_path)


def test_the_box_is_a_tenth_larger_than_the_folder_s_cloud(sphere: TrainingSphere) -> None:
    cloud = trimesh.load(sphere.data.root / "point_cloud_scan.ply").vertices
    frame = box_of(sphere)(sphere.scene, 1, np.zeros((1, 3)), None)
    np.testing.assert_allclose(frame.half_extents, 0.55 * np.ptp(cloud, 0), rtol=0.05)
    np.testing.assert_allclose(frame.center, (cloud.min(0) + cloud.max(0)) / 2, atol=0.01)
    np.testing.assert_array_equal(frame.rotation, np.eye(3))
    assert np.linalg.norm(world_to_object(frame, cloud), axis=1).max() < 1


def test_outliers_of_the_cloud_do_not_count_and_what_was_seen_does(sphere: TrainingSphere) -> None:
    file = sphere.data.root / "point_cloud_scan_norm.ply"
    points = trimesh.load(file).vertices
    before = box_of(sphere)(sphere.scene, 1, np.zeros((1, 3)), None)
    trimesh.PointCloud(np.concatenate([points, [[9.0, 9, 9]]])).export(file)
    after = box_of(sphere)(sphere.scene, 1, np.zeros((1, 3)), None)
    np.testing.assert_allclose(after.half_extents, before.half_extents, rtol=0.1)
    seen = box_of(sphere)(sphere.scene, 1, np.array([[0.0, 0, 2]]), None)
    assert (seen.center + seen.half_extents)[2] == pytest.approx(2)


def test_without_a_cloud_the_box_is_found_as_for_any_scan(sphere: TrainingSphere) -> None:
    (sphere.data.root / "point_cloud_scan_norm.ply").unlink()
    points = np.asarray(trimesh.load(sphere.data.root / "point_cloud_scan.ply").vertices)
    found = box_of(sphere)(sphere.scene, 1, points, None)
    expected = ObjectBox(**ORDINARY)(sphere.scene, 1, points, None)
    np.testing.assert_array_equal(found.half_extents, expected.half_extents)
    np.testing.assert_array_equal(found.center, expected.center)


def test_a_damaged_cloud_is_named(sphere: TrainingSphere) -> None:
    file = sphere.data.root / "point_cloud_scan_norm.ply"
    file.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 5\nend_header\n")
    with pytest.raises(ValueError, match=r"point_cloud_scan_norm\.ply"):
        box_of(sphere)(sphere.scene, 1, np.zeros((1, 3)), None)
