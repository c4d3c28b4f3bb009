import numpy as np
import pytest

from o2recon.inpaint import align, aligned_depth, plain_depth


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A curved surface's depth, what is known of it, and the gap in its middle."""
    row, column = np.mgrid[0:40, 0:60] / 20
    depth = (1.5 + 0.2 * np.sin(2 * column) + 0.1 * row).astype(np.float32)
    gap = np.zeros(depth.shape, bool)
    gap[10:30, 20:40] = True
    return depth, ~gap, gap


def completed(relative: np.ndarray, depth: np.ndarray, known: np.ndarray, gap: np.ndarray, convention: str = "inverse"):
    found = align(relative, depth, known, min_pixels=10, convention=convention)
    assert found is not None
    return aligned_depth(found, relative, depth, known, gap)


@pytest.mark.parametrize("convention", ["inverse", "affine", "metric"])
def test_depth_up_to_scale_and_shift_becomes_metres_exactly(convention: str) -> None:
    depth, known, gap = scene()
    relative = {"inverse": 3.7 / depth - 0.4, "affine": 0.3 * depth - 0.1, "metric": depth}[convention]
    found = completed(relative, np.where(known, depth, 0), known, gap, convention)
    np.testing.assert_allclose(found[gap], depth[gap], atol=1e-3)
    assert not found[~gap].any()
    line = align(relative, depth, known, min_pixels=10, convention=convention)
    assert line is not None and line.deviation < 1e-6
    np.testing.assert_allclose(plain_depth(line, relative), depth, rtol=1e-5)


def test_a_quarter_of_wrong_measurements_does_not_bend_the_scale() -> None:
    depth, known, gap = scene()
    wrong = depth.copy()
    wrong[:, :12] = 4.0
    assert np.median(np.abs(completed(3.7 / depth - 0.4, wrong, known, gap) - depth)[gap]) < 0.005


def test_the_gap_joins_on_to_what_is_known_without_a_step() -> None:
    depth, known, gap = scene()
    tilted = 1 / depth + 0.05 * np.arange(60) / 60  # a network that sees the surface turned
    found = completed(tilted, np.where(known, depth, 0), known, gap)
    assert np.abs(found[10:30, 20] - depth[10:30, 20]).max() < 0.01
    assert np.abs(found[10:30, 39] - depth[10:30, 39]).max() < 0.01


@pytest.mark.parametrize("convention", ["inverse", "affine"])
def test_the_deviation_is_that_of_the_depth(convention: str) -> None:
    depth, known, _ = scene()
    noisy = depth + 0.02 * np.random.default_rng(0).standard_normal(depth.shape)
    line = align(1 / noisy if convention == "inverse" else noisy, depth, known, min_pixels=10, convention=convention)
    assert line is not None
    assert 0.015 < np.median(line.sigma(depth)) < 0.025


def test_no_opinion_without_enough_measurements_or_when_near_and_far_are_swapped() -> None:
    depth, known, _ = scene()
    assert align(1 / depth, depth, known, min_pixels=10**6, convention="inverse") is None
    assert align(-1 / depth, depth, known, min_pixels=10, convention="inverse") is None
    assert align(1 / depth, depth, known, min_pixels=10, convention="affine") is None
