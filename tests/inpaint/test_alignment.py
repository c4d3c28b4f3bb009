import numpy as np

from o2recon.inpaint import aligned_depth


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A curved surface's depth, what is known of it, and the gap in its middle."""
    row, column = np.mgrid[0:40, 0:60] / 20
    depth = (1.5 + 0.2 * np.sin(2 * column) + 0.1 * row).astype(np.float32)
    gap = np.zeros(depth.shape, bool)
    gap[10:30, 20:40] = True
    return depth, ~gap, gap


def test_inverse_depth_up_to_scale_and_shift_becomes_metres_exactly() -> None:
    depth, known, gap = scene()
    found = aligned_depth(3.7 / depth - 0.4, np.where(known, depth, 0), known, gap, min_pixels=10)
    np.testing.assert_allclose(found[gap], depth[gap], atol=1e-3)
    assert not found[~gap].any()


def test_a_quarter_of_wrong_measurements_does_not_bend_the_scale() -> None:
    depth, known, gap = scene()
    wrong = depth.copy()
    wrong[:, :12] = 4.0
    found = aligned_depth(3.7 / depth - 0.4, wrong, known, gap, min_pixels=10)
    assert np.median(np.abs(found - depth)[gap]) < 0.005


def test_the_gap_joins_on_to_what_is_known_without_a_step() -> None:
    depth, known, gap = scene()
    tilted = 1 / depth + 0.05 * np.arange(60) / 60  # a network that sees the surface turned
    found = aligned_depth(tilted, np.where(known, depth, 0), known, gap, min_pixels=10)
    assert np.abs(found[10:30, 20] - depth[10:30, 20]).max() < 0.01
    assert np.abs(found[10:30, 39] - depth[10:30, 39]).max() < 0.01


def test_no_opinion_without_enough_measurements_or_when_near_and_far_are_swapped() -> None:
    depth, known, gap = scene()
    assert not aligned_depth(1 / depth, depth, known, gap, min_pixels=10**6).any()
    assert not aligned_depth(-1 / depth, depth, known, gap, min_pixels=10).any()
