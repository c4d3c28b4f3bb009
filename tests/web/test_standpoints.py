"""Where the browser's camera stands."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from o2recon.cameras import project
from o2recon.types import Camera
from o2recon.web.standpoints import backdrop, in_front, through


def test_looking_through_a_view_keeps_its_place_axes_and_field() -> None:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", [100, 20, 50], degrees=True).as_matrix()
    pose[:3, 3] = [1, 2, 3]
    look = through(Camera(np.array([[100.0, 0, 80], [0, 120.0, 60], [0, 0, 1]]), 160, 120), pose)
    np.testing.assert_allclose(look.position, [1, 2, 3])
    w, x, y, z = look.wxyz
    np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).as_matrix(), pose[:3, :3], atol=1e-12)
    assert look.fov == pytest.approx(2 * np.arctan(0.5))


@pytest.mark.parametrize("size", [(160, 120), (80, 60)])
def test_the_backdrop_puts_every_pixel_where_the_browser_sees_its_point(size: tuple[int, int]) -> None:
    """The browser has the principal point in its middle, and another aspect."""
    camera = Camera(np.array([[150.0, 0, 70], [0, 140.0, 66], [0, 0, 1]]), 160, 120)
    point = np.array([[0.12, -0.1, 1.0]])
    u, v = project(camera, np.eye(4), point)[0][0] * (size[0] / 160)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    rows, columns = np.mgrid[: size[1], : size[0]] + 0.5
    image[(columns - u) ** 2 + (rows - v) ** 2 < 9] = 255
    width, height = 500, 300
    seen = backdrop(image, camera, width=width, height=height)
    assert seen.shape == (height, width, 3)
    focal = height / 2 / np.tan(through(camera, np.eye(4)).fov / 2)
    spot = np.argwhere(seen[..., 0] > 235) + 0.5  # brighter than the border
    expected = [height / 2 + focal * point[0, 1], width / 2 + focal * point[0, 0]]
    np.testing.assert_allclose(spot.mean(0), expected, atol=1.0)
    assert (seen[:, :20] == 225).all()  # beside the picture


def test_framing_fills_the_picture_from_above() -> None:
    bounds = np.array([[1.0, 2, 0], [2.0, 3, 1]])
    position, look_at = in_front(bounds, 0.0, np.radians(50))
    np.testing.assert_allclose(look_at, [1.5, 2.5, 0.5])
    assert position[0] > 2 and position[1] == pytest.approx(2.5) and position[2] > 1
    radius = np.sqrt(3) / 2
    share = np.arcsin(radius / np.linalg.norm(position - look_at)) / np.radians(25)
    assert 0.9 < share < 1
