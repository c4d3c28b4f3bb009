"""Carrying images between cameras of one centre: closed forms of what the other camera sees."""

import cv2
import numpy as np
import pytest

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.capture import Lens
from o2recon.scene.registration import Registration
from o2recon.types import Camera

CAMERA = Camera(np.array([[260.0, 0, 161], [0, 255, 118], [0, 0, 1]]), 320, 240)
PERSPECTIVE = Lens(CAMERA, (-0.25, 0.08, 0.002, -0.001))
FISHEYE = Lens(CAMERA, (0.05, -0.02, 0.003, 0.0), fisheye=True)


def rays_of(lens: Lens) -> np.ndarray:
    """The rays with z = 1 that a distorted image's pixels show: inverted by OpenCV, an independent library."""
    pixels, k = pixel_centers(lens.camera).reshape(-1, 1, 2), lens.camera.intrinsics
    if lens.fisheye:
        points = cv2.fisheye.undistortPoints(pixels, k, np.array(lens.distortion))
    else:
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
        points = cv2.undistortPoints(pixels, k, np.array(lens.distortion), criteria=criteria)
    rays = np.concatenate([points[:, 0], np.ones((len(points), 1))], -1)
    return rays.reshape(lens.camera.height, lens.camera.width, 3)


def painted(rays: np.ndarray) -> np.ndarray:
    """A colour for every ray, smooth enough to be interpolated."""
    x, y = rays[..., 0], rays[..., 1]
    return np.stack([128 + 100 * np.sin(5 * x), 128 + 100 * np.cos(4 * y), 128 + 90 * np.sin(3 * (x + y))], -1)


def plane(
    rays: np.ndarray, normal: tuple[float, float, float] = (0.5, -0.3, -0.81), distance: float = 2.0
) -> np.ndarray:
    """z of a slanted plane."""
    return np.asarray(-distance / (rays @ np.array(normal)))


@pytest.mark.parametrize("lens", [PERSPECTIVE, FISHEYE], ids=["perspective", "fisheye"])
def test_an_undistorted_image_shows_what_a_pinhole_camera_sees(lens: Lens) -> None:
    registration = Registration(source=lens, target=CAMERA)
    image = np.rint(painted(rays_of(lens))).astype(np.uint8)
    expected = painted(unnormalized_rays(CAMERA, pixel_centers(CAMERA)))
    covered = registration.covered
    assert covered.mean() > 0.9 and not registration.identity
    assert np.abs(registration.smooth(image).astype(float) - expected)[covered].max() < 2.5
    assert np.abs(image.astype(float) - expected)[covered].max() > 25  # what leaving the distortion in would cost
    shown = registration.nearest((image[..., 0] > 128).astype(np.uint8))
    clear = covered & (np.abs(expected[..., 0] - 128) > 5)
    assert (shown == (expected[..., 0] > 128))[clear].all()


@pytest.mark.parametrize("lens", [PERSPECTIVE, FISHEYE], ids=["perspective", "fisheye"])
def test_undistorted_depth_is_the_plane(lens: Lens) -> None:
    registration = Registration(source=lens, target=CAMERA)
    depth = registration.depth(plane(rays_of(lens)).astype(np.float32))
    expected = plane(unnormalized_rays(CAMERA, pixel_centers(CAMERA)))
    inner = cv2.erode(registration.covered.astype(np.uint8), np.ones((5, 5)), borderValue=0) > 0
    assert np.abs(depth / expected - 1)[inner].max() < 2e-4
    assert (depth[~registration.covered] == 0).all()


def test_the_same_camera_leaves_images_as_they_are() -> None:
    registration = Registration(source=CAMERA, target=CAMERA)
    image = np.arange(320 * 240 * 3, dtype=np.uint8).reshape(240, 320, 3)
    depth = np.random.default_rng(0).random((240, 320), np.float32)
    assert registration.identity
    assert registration.smooth(image) is image and registration.depth(depth) is depth


@pytest.mark.parametrize("factor", [7.5, 2.5, 0.4])
def test_a_plane_carried_to_another_size_stays_that_plane(factor: float) -> None:
    size = (round(256 * factor), round(192 * factor))
    small = Camera(np.array([[200.0, 0, 130], [0, 200, 95], [0, 0, 1]]), 256, 192)
    scale = np.diag([size[0] / 256, size[1] / 192, 1])
    large = Camera(scale @ small.intrinsics, *size)
    depth = plane(unnormalized_rays(small, pixel_centers(small))).astype(np.float32)
    carried = Registration(source=small, target=large).depth(depth)
    expected = plane(unnormalized_rays(large, pixel_centers(large)))
    edge = int(np.ceil(factor))
    assert np.abs(carried / expected - 1)[edge:-edge, edge:-edge].max() < 2e-4
    assert np.abs(carried / expected - 1).max() < 5e-3  # half a pixel beyond the outermost centres


def test_foreground_and_background_are_not_mixed_where_depth_is_carried_up() -> None:
    """A board 8 cm before a slanted wall, with a pole of two pixels and a hole in the data."""
    small = Camera(np.array([[200.0, 0, 128], [0, 200, 96], [0, 0, 1]]), 256, 192)
    large = Camera(np.diag([7.5, 7.5, 1]) @ small.intrinsics, 1920, 1440)
    rays = unnormalized_rays(small, pixel_centers(small))
    wall = plane(rays, (0.3, 0, -0.954), 1.6).astype(np.float32)
    front = np.zeros(wall.shape, bool)
    front[60:120, 80:150] = front[20:180, 200:202] = True
    depth = np.where(front, wall - 0.08, wall).astype(np.float32)
    depth[30:40, 30:50] = 0
    carried = Registration(source=small, target=large).depth(depth)
    far = plane(unnormalized_rays(large, pixel_centers(large)), (0.3, 0, -0.954), 1.6)
    below = far - carried
    known = carried > 0
    assert (np.minimum(np.abs(below), np.abs(below - 0.08))[known] < 0.015).all()
    assert abs((np.abs(below - 0.08) < 0.02).mean() / front.mean() - 1) < 0.01
    assert abs((~known).mean() / (depth == 0).mean() - 1) < 0.01
