"""Which frames are compared, and what is kept of them."""

import numpy as np
import pytest
from planted_mistakes import CORRECT, MistakenScene

from o2recon.check.views import captured_poses, choose_pairs, every_nth, read_views
from o2recon.scene import Scene
from o2recon.types import Camera

CAMERA = Camera(np.array([[90.0, 0, 52.3], [0, 94, 38.1], [0, 0, 1]]), 104, 76)


def test_every_nth_pixel_keeps_its_ray() -> None:
    small = every_nth(CAMERA, 3)
    assert (small.width, small.height) == (len(range(1, 104, 3)), len(range(1, 76, 3)))
    pixel = np.array([4.5, 7.5, 1])
    whole = np.array([1 + 3 * 4 + 0.5, 1 + 3 * 7 + 0.5, 1])
    np.testing.assert_allclose(np.linalg.solve(small.intrinsics, pixel), np.linalg.solve(CAMERA.intrinsics, whole))


def rotations(angles: np.ndarray) -> np.ndarray:
    c, s, zero, one = np.cos(angles), np.sin(angles), np.zeros_like(angles), np.ones_like(angles)
    return np.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).reshape(-1, 3, 3)


def test_pairs_turn_by_shares_of_the_view_and_stay_near_in_time() -> None:
    """Two rounds of a full turn: the partner is of the same round."""
    angles = np.linspace(0, 4 * np.pi, 240)
    pairs = choose_pairs(rotations(angles), half_view=0.5, anchors=8)
    turns = np.array([angles[b] - angles[a] for a, b in pairs])
    assert len(pairs) >= 8 and (turns < 0.4).all() and (turns > 0.09).all()


def test_without_turning_the_pairs_are_far_in_time() -> None:
    pairs = choose_pairs(rotations(np.zeros(100)), half_view=0.5, anchors=4)
    assert min(b - a for a, b in pairs) >= 15


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_give_few_pairs(count: int) -> None:
    assert len(choose_pairs(rotations(np.linspace(0, 0.3, count)), half_view=0.5, anchors=8)) <= count


def test_frames_beyond_the_ends_of_the_scan_have_no_pose(tiny: Scene) -> None:
    """A repeated last pose would match anything."""
    views = read_views(tiny, anchors=8, shifts=(-2, 1))
    last, first = views.indices.index(tiny.indices[-1]), views.indices.index(tiny.indices[0])
    assert np.isnan(views.neighbors[1][last]).all() and np.isnan(views.neighbors[-2][first]).all()
    np.testing.assert_array_equal(views.neighbors[1][first], tiny.poses[tiny.indices[1]])


def test_poses_are_those_of_the_capture_in_metres(tiny: Scene) -> None:
    """The scene turned its world upright and scaled it; what inverting a pose means is decided before."""
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    scene = MistakenScene(tiny, CORRECT)
    scene.capture_to_world = np.eye(4)
    scene.capture_to_world[:3, :3] = 0.01 * turn
    poses = captured_poses(scene)
    for index, pose in poses.items():
        np.testing.assert_allclose(turn @ pose[:3, :3], tiny.poses[index][:3, :3], atol=1e-12)
        np.testing.assert_allclose(turn @ pose[:3, 3], tiny.poses[index][:3, 3], atol=1e-12)
