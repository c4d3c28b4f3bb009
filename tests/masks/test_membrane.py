import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.masks import harmonic_depth, harmonic_fill
from o2recon.types import Camera


def test_plane_around_a_gap_is_continued_exactly() -> None:
    camera = Camera(np.array([[60.0, 0, 20], [0, 60, 15], [0, 0, 1]]), 40, 30)
    rays = unnormalized_rays(camera, pixel_centers(camera))
    plane = (1.5 / (rays @ np.array([0.3, -0.4, 0.8]))).astype(np.float32)
    gap = np.zeros(plane.shape, bool)
    gap[8:20, 10:30] = True
    filled = harmonic_depth(np.where(gap, 0, plane), ~gap, gap)
    np.testing.assert_allclose(filled, plane, rtol=1e-4)


def test_fill_stays_between_its_border_values() -> None:
    rng = np.random.default_rng(1)
    values = rng.random((20, 20, 2))
    gap = np.zeros((20, 20), bool)
    gap[5:15, 5:15] = True
    inner = harmonic_fill(values, ~gap, gap)[gap]
    assert inner.min() >= values[~gap].min() and inner.max() <= values[~gap].max()
    np.testing.assert_array_equal(harmonic_fill(values, ~gap, gap)[~gap], values[~gap])


def test_gap_that_touches_nothing_known_has_no_depth() -> None:
    gap = np.zeros((10, 10), bool)
    gap[2:5, 2:5] = True
    assert (harmonic_depth(np.zeros((10, 10), np.float32), np.zeros((10, 10), bool), gap) == 0).all()


def test_parts_that_touch_nothing_known_keep_their_values_beside_parts_that_do() -> None:
    values = np.arange(200.0).reshape(10, 20, 1)
    gap = np.zeros((10, 20), bool)
    gap[2:5, 2:5] = gap[2:5, 12:15] = True
    known = np.zeros_like(gap)
    known[1, 2:5] = True
    filled = harmonic_fill(values, known, gap)
    np.testing.assert_array_equal(filled[:, 10:], values[:, 10:])
    np.testing.assert_allclose(filled[2:5, 3, 0], values[1, 3, 0])
    assert filled[4, 2, 0] < filled[4, 4, 0] < values[2, 2, 0]
