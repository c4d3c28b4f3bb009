import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.masks import crop_camera, object_crop, object_pixels
from o2recon.types import Camera, ObjectFrame

CAMERA = Camera(np.array([[100.0, 0, 40], [0, 100, 30], [0, 0, 1]]), 80, 60)


def test_window_holds_the_projected_box_and_the_mask() -> None:
    frame = ObjectFrame(np.array([0.1, 0.0, 2.0]), np.eye(3), np.array([0.2, 0.1, 0.1]))
    visible = np.zeros((60, 80), bool)
    visible[20, 10] = True
    crop = object_crop(frame, CAMERA, np.eye(4), visible, margin_px=2)
    assert (crop.top, crop.left) == (18, 8)
    assert crop.left + crop.width >= 40 + 100 * 0.3 / 1.9 and crop.top + crop.height >= 30 + 100 * 0.1 / 1.9
    assert crop.width < 80 and crop.height < 40


def test_box_behind_the_camera_gives_the_whole_image() -> None:
    frame = ObjectFrame(np.zeros(3), np.eye(3), np.ones(3))
    crop = object_crop(frame, CAMERA, np.eye(4), np.zeros((60, 80), bool), margin_px=2)
    assert (crop.top, crop.left, crop.height, crop.width) == (0, 0, 60, 80)


def test_cropped_camera_has_the_same_rays() -> None:
    frame = ObjectFrame(np.array([0.1, 0.0, 2.0]), np.eye(3), np.array([0.2, 0.1, 0.1]))
    crop = object_crop(frame, CAMERA, np.eye(4), np.zeros((60, 80), bool), margin_px=2)
    local = crop_camera(CAMERA, crop)
    whole = unnormalized_rays(CAMERA, pixel_centers(CAMERA))[crop.window]
    np.testing.assert_allclose(unnormalized_rays(local, pixel_centers(local)), whole, atol=1e-12)


def test_size_in_pixels_follows_resolution_and_distance() -> None:
    frame = ObjectFrame(np.array([0.1, 0.0, 2.0]), np.eye(3), np.array([0.2, 0.1, 0.1]))
    size = object_pixels(frame, CAMERA, np.eye(4))
    np.testing.assert_allclose(size, 2 * np.sqrt(0.06) * 100 / 2)
    finer = Camera(CAMERA.intrinsics * np.array([[3.0], [3], [1]]), 240, 180)
    np.testing.assert_allclose(object_pixels(frame, finer, np.eye(4)), 3 * size)
    back = np.eye(4)
    back[2, 3] = -2
    np.testing.assert_allclose(object_pixels(frame, CAMERA, back), size / 2)


def test_size_is_finite_for_a_camera_inside_the_box() -> None:
    frame = ObjectFrame(np.zeros(3), np.eye(3), np.ones(3))
    np.testing.assert_allclose(object_pixels(frame, CAMERA, np.eye(4)), 200)
