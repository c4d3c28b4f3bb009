import numpy as np
import pytest
import torch

from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import ObjectFrame
from o2recon.volume.symmetry import MirrorPlane, SymmetrySearch, mirrored

GRID = grid_over(ObjectFrame(np.array([3.0, -1.0, 0.6]), np.eye(3), np.array([0.5, 0.4, 0.3])), 0.02)
SEARCH = SymmetrySearch(min_support=0.4, max_conflict=0.06, tolerance=0.02, conflict_weight=3.0)


def local() -> np.ndarray:
    return voxel_centers(GRID) - GRID.frame.center


def chair_like(angle: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Surface of a seat with a back and one arm on each side, symmetric about the given plane; the rest is empty."""
    p = local()
    along = p[..., 0] * np.cos(angle) + p[..., 1] * np.sin(angle) - offset
    across = -p[..., 0] * np.sin(angle) + p[..., 1] * np.cos(angle)
    seat = (np.abs(along) < 0.2) & (np.abs(across) < 0.18) & (np.abs(p[..., 2] + 0.1) < 0.02)
    back = (np.abs(along) < 0.2) & (np.abs(across - 0.17) < 0.02) & (np.abs(p[..., 2] - 0.06) < 0.18)
    arms = (np.abs(np.abs(along) - 0.19) < 0.02) & (np.abs(across - 0.05) < 0.12) & (np.abs(p[..., 2]) < 0.05)
    solid = seat | back | arms
    return solid, ~solid


@pytest.mark.parametrize(("angle", "offset"), [(0.0, 0.03), (0.6, -0.02)])
def test_the_mirror_plane_of_a_chair_is_found(angle: float, offset: float):
    surface, empty = chair_like(angle, offset)
    plane = SEARCH(GRID, surface, empty)[0]
    turn = (plane.angle - angle + np.pi / 2) % np.pi - np.pi / 2
    assert abs(turn) < np.radians(3) and abs(plane.offset - offset) < 0.015
    assert plane.support > 0.9 and plane.conflict < 0.05


def test_an_arm_that_was_never_seen_does_not_hide_the_plane():
    surface, empty = chair_like(0.0, 0.0)
    half = local()[..., 0] < 0.17
    found = SEARCH(GRID, surface & half, empty & half)
    assert abs(found[0].offset) < 0.02 and abs(np.sin(found[0].angle)) < 0.06


def test_a_shape_without_symmetry_gives_no_plane():
    p = local()
    spiral = np.zeros(p.shape[:3], bool)
    for i in range(6):
        middle = np.array([0.35 * np.cos(1.3 * i), 0.3 * np.sin(1.3 * i), -0.25 + 0.09 * i]) * (0.4 + 0.1 * i)
        spiral |= (np.abs(p - middle) < np.array([0.03 + 0.02 * i, 0.09 - 0.012 * i, 0.03])).all(-1)
    assert SEARCH(GRID, spiral, ~spiral) == []


def test_mirroring_twice_gives_the_point_back():
    plane = MirrorPlane(0.7, 0.1, 1.0, 0.0)
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(plane.mirror(plane.mirror(points)), points, atol=1e-12)


def test_mirrored_values_are_those_at_the_image():
    plane = MirrorPlane(0.3, 0.02, 1.0, 0.0)
    linear = local() @ np.array([1.0, -2.0, 0.5])
    image = mirrored(GRID, torch.from_numpy(linear[None].astype(np.float32)), plane)[0].numpy()
    expected = plane.mirror(local()) @ np.array([1.0, -2.0, 0.5])
    inside = (np.abs(plane.mirror(local())) < np.array([0.48, 0.38, 0.28])).all(-1)
    np.testing.assert_allclose(image[inside], expected[inside], atol=1e-4)
