import numpy as np
import pytest

from o2recon.inpaint import bilinear, seen_points, source_view
from o2recon.types import Camera, ViewRecord

CAMERA = Camera(np.array([[50.0, 0, 20], [0, 50, 15], [0, 0, 1]]), 40, 30)


def test_points_are_seen_only_on_usable_pixels_at_the_measured_depth() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    usable = np.ones((30, 40), bool)
    usable[:, 30:] = False
    points = np.array([[0, 0, 2.01], [0, 0, 2.05], [0, 0, 1.9], [0.6, 0, 2.0], [5, 0, 2.0], [0, 0, -2.0]])
    sight = seen_points(CAMERA, np.eye(4), depth, usable, lambda z: np.full_like(z, 0.02), points)
    assert sight.index.tolist() == [0]
    np.testing.assert_allclose([sight.u[0], sight.v[0], sight.z[0]], [20, 15, 2.01])


def test_bilinear_returns_pixel_values_at_centres_and_linear_ramps_between() -> None:
    ramp = np.repeat(np.repeat(np.arange(40, dtype=np.uint8)[None, :, None] * 5, 30, 0), 3, 2)
    u = np.array([0.5, 7.5, 7.75, 39.5])
    np.testing.assert_allclose(bilinear(ramp, u, np.full(4, 3.2))[:, 0], [0, 35, 36.25, 195])


@pytest.mark.parametrize("margin", [1, 3])
def test_pixels_near_the_edge_of_the_mask_are_not_copied(margin: int) -> None:
    visible = np.zeros((30, 40), bool)
    visible[5:25, 5:35] = True
    depth = np.ones((30, 40), np.float32)
    view = ViewRecord(0, CAMERA, np.eye(4), 1.0, False)
    source = source_view(view, np.zeros((30, 40, 3), np.uint8), depth, visible, erode_px=margin)
    assert np.count_nonzero(source.usable) == (20 - 2 * margin) * (30 - 2 * margin)
