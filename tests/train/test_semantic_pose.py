"""The places that are drawn follow their formula."""

import numpy as np
import pytest
import torch
from scipy import stats

from o2recon.train import NovelPose, PoseSampler
from o2recon.train.semantic_pose import looking_along

SIGMA = 0.5
CENTERS = torch.tensor([[1.8, 0.0, 0.6], [-0.5, 0.4, 0.3], [0.2, -1.0, -0.7]])
"""Distances 1.90, 0.71 and 1.24."""


def sampler(**options: float) -> PoseSampler:
    return PoseSampler(centers=CENTERS, **{"angle_sigma": SIGMA, "far_share": 0.9, **options})


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """View numbers and camera centres of 3000 poses."""
    draw, generator = sampler(), torch.Generator().manual_seed(0)
    poses = [draw(generator) for _ in range(3000)]
    return np.array([int(p.view) for p in poses]), torch.stack([p.center for p in poses]).numpy()


def test_distances_are_uniform_between_the_two_bounds(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    distances = np.linalg.norm(drawn[1], axis=1)
    near, far = float(CENTERS[1].norm()), 0.9 * float(CENTERS[0].norm())
    assert near < 1 < far
    assert stats.kstest(distances, stats.uniform(near, far - near).cdf).pvalue > 0.01


def test_half_the_box_diagonal_bounds_the_distances_of_far_and_of_near_cameras() -> None:
    far = PoseSampler(centers=2 * CENTERS, angle_sigma=SIGMA, far_share=0.9)
    near = PoseSampler(centers=0.3 * CENTERS, angle_sigma=SIGMA, far_share=0.9)
    assert (far.nearest, far.farthest) == (1.0, pytest.approx(1.8 * float(CENTERS[0].norm())))
    assert (near.nearest, near.farthest) == (pytest.approx(0.3 * float(CENTERS[1].norm())), 0.9)


def test_every_view_is_drawn_equally_often(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    assert stats.chisquare(np.bincount(drawn[0], minlength=3)).pvalue > 0.01


def test_yaw_and_pitch_are_a_real_views_with_gaussian_noise(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    """E cos(a + n) = exp(-sigma^2 / 2) cos a for Gaussian n, and the same for twice the angle."""
    views, centers = drawn
    directions = centers / np.linalg.norm(centers, axis=1, keepdims=True)
    for view, real in enumerate(CENTERS.numpy() / np.linalg.norm(CENTERS.numpy(), axis=1, keepdims=True)):
        found = directions[views == view]
        shrink = np.exp(-(SIGMA**2) / 2)
        expected = real * np.array([shrink**2, shrink**2, shrink])
        assert (np.abs(found.mean(0) - expected) < 4 * found.std(0) / np.sqrt(len(found))).all()
        squares = found[:, 2] ** 2
        second = (1 - (1 - 2 * real[2] ** 2) * np.exp(-2 * SIGMA**2)) / 2
        assert abs(squares.mean() - second) < 4 * squares.std() / np.sqrt(len(squares))


def test_without_noise_the_direction_is_a_real_views() -> None:
    pose = sampler(angle_sigma=0.0)(torch.Generator().manual_seed(1))
    real = torch.nn.functional.normalize(CENTERS[int(pose.view)], dim=0)
    assert torch.allclose(torch.nn.functional.normalize(pose.center, dim=0), real, atol=1e-5)


def test_the_camera_is_upright_and_sees_the_centre_in_the_middle() -> None:
    generator = torch.Generator().manual_seed(2)
    for pose in [sampler()(generator) for _ in range(20)]:
        assert_upright(pose.rotation)
        toward = torch.nn.functional.normalize(-pose.center, dim=0)
        assert torch.allclose(pose.rotation[:, 2], toward, atol=1e-5)


@pytest.mark.parametrize("forward", [[0.0, 0.0, -1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
def test_straight_down_is_a_rotation_too(forward: list[float]) -> None:
    assert_upright(looking_along(torch.tensor(forward)))


def test_the_same_seed_draws_the_same_place() -> None:
    first, second = (sampler()(torch.Generator().manual_seed(3)) for _ in range(2))
    assert isinstance(first, NovelPose) and torch.equal(first.center, second.center)


def test_no_camera_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one camera"):
        PoseSampler(centers=CENTERS[:0], angle_sigma=SIGMA, far_share=0.9)


def assert_upright(rotation: torch.Tensor) -> None:
    """A rotation whose down axis points down, or is level."""
    assert torch.allclose(rotation.T @ rotation, torch.eye(3), atol=1e-5)
    assert torch.linalg.det(rotation) == pytest.approx(1, abs=1e-5)
    assert rotation[2, 0] == pytest.approx(0, abs=1e-6) and rotation[2, 1] <= 1e-6
