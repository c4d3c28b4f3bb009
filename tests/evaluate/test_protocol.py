"""The original's protocol."""

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import protocol_values, voxel_average


def test_a_shifted_plane_is_its_shift_away():
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20), [0.0]), -1).reshape(-1, 3) * 0.1
    values = protocol_values(grid + np.array([0, 0, 0.03]), grid)
    for key in ("accuracy_m", "completeness_m", "chamfer_m"):
        assert values[key] == pytest.approx(0.03)
    assert values["f_score_2cm"] == 0 and values["f_score_5cm"] == pytest.approx(1)


def test_far_points_do_not_enter_the_means_but_count_as_misses():
    truth = np.zeros((1, 3))
    values = protocol_values(np.array([[0, 0, 0.0], [0, 0, 50]]), truth)
    assert values["accuracy_m"] == 0 and values["precision_10cm"] == 0.5


def test_failure_is_zero_shares_and_no_distances():
    values = protocol_values(np.zeros((0, 3)), np.zeros((4, 3)))
    assert values["chamfer_m"] is None and values["f_score_10cm"] == 0


def test_voxel_average_keeps_one_mean_per_voxel():
    points = np.array([[0, 0, 0], [0.004, 0, 0], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(voxel_average(points, size=0.01), [[0.002, 0, 0], [0.5, 0.5, 0.5]])
    assert voxel_average(np.zeros((0, 3)), size=0.01).shape == (0, 3)
    cloud = trimesh.creation.icosphere(subdivisions=5).vertices
    assert len(voxel_average(np.asarray(cloud), size=0.2)) < len(cloud) / 5
