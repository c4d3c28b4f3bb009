"""Lens distortion as OpenCV defines it, and where it may not be trusted."""

import cv2
import numpy as np
import pytest

from o2recon.scene.capture import Lens
from o2recon.scene.distortion import check_distortion, seen_at
from o2recon.types import Camera

CAMERA = Camera(np.array([[400.0, 0, 321], [0, 410, 238], [0, 0, 1]]), 640, 480)
RAYS = np.stack([*np.meshgrid(np.linspace(-0.7, 0.7, 15), np.linspace(-0.5, 0.5, 11)), np.ones((11, 15))], -1)


@pytest.mark.parametrize(
    "distortion",
    [
        (-0.2, 0.05, 0.001, -0.002),
        (0.12, -0.2, 0.0007, 0.001, 0.05),
        (0.3, 0.1, -0.001, 0.002, 0.01, 0.35, 0.12, 0.02),
    ],
)
def test_the_perspective_model_is_that_of_opencv(distortion: tuple[float, ...]) -> None:
    at, trusted = seen_at(Lens(CAMERA, distortion), RAYS)
    expected, _ = cv2.projectPoints(
        RAYS.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), CAMERA.intrinsics, np.array(distortion)
    )
    np.testing.assert_allclose(at.reshape(-1, 2), expected[:, 0], atol=1e-9)
    assert trusted.all()


def test_the_fisheye_model_is_that_of_opencv() -> None:
    distortion, rays = (-0.03, 0.01, -0.004, 0.0005), RAYS * [3, 3, 1]
    at, trusted = seen_at(Lens(CAMERA, distortion, fisheye=True), rays)
    expected, _ = cv2.fisheye.projectPoints(
        rays.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), CAMERA.intrinsics, np.array(distortion)
    )
    np.testing.assert_allclose(at.reshape(-1, 2), expected[:, 0], atol=1e-9)
    assert trusted.all()


def test_a_fisheye_lens_with_coefficients_of_zero_is_still_no_pinhole() -> None:
    at, _ = seen_at(Lens(CAMERA, (0.0,) * 4, fisheye=True), np.array([[1.0, 0, 1], [0, -1, 1]]))
    np.testing.assert_allclose(at, [[321 + 100 * np.pi, 238], [321, 238 - 102.5 * np.pi]])


def test_without_coefficients_a_lens_is_a_pinhole() -> None:
    at, _ = seen_at(Lens(CAMERA), RAYS)
    np.testing.assert_allclose(at, (RAYS @ CAMERA.intrinsics.T)[..., :2])
    np.testing.assert_allclose(seen_at(Lens(CAMERA, (0.0,) * 5), RAYS)[0], at)


@pytest.mark.parametrize(("k1", "radius"), [(-0.4, (1 / 1.2) ** 0.5), (-0.1, (1 / 0.3) ** 0.5)])
def test_rays_beyond_the_fold_of_the_polynomial_are_not_trusted(k1: float, radius: float) -> None:
    """r (1 + k1 r^2) stops growing at r^2 = -1 / (3 k1); beyond, it comes back into the image."""
    for share, expected in ((0.99, True), (1.01, False), (5.0, False)):
        rays = np.array([[share * radius, 0.0, 1.0], [0.0, -share * radius, 1.0]])
        assert (seen_at(Lens(CAMERA, (k1, 0.0, 0.0, 0.0)), rays)[1] == expected).all()


def test_a_pole_of_the_rational_model_is_not_crossed() -> None:
    lens = Lens(CAMERA, (0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0))
    at, trusted = seen_at(lens, np.array([[0.5, 0, 1.0], [1.0, 0, 1.0], [2.0, 0, 1.0]]))
    assert trusted.tolist() == [True, False, False] and np.isfinite(at).all()


@pytest.mark.parametrize(("distortion", "fisheye"), [((0.1,), False), ((0.1,) * 5, True), ((np.nan,) * 4, False)])
def test_other_numbers_of_coefficients_are_named(distortion: tuple[float, ...], fisheye: bool) -> None:
    with pytest.raises(ValueError, match=r"cameras\.txt: distortion .*undistort the images"):
        check_distortion(distortion, fisheye=fisheye, source="cameras.txt")
