"""Where the browser's camera stands: through a view of the scan, or in front of an object. OpenCV camera axes."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from o2recon.types import Camera, ObjectRecord

_DOWN = np.radians(25)
_FIT = 1.05
FIRST_FOV = float(np.radians(50))
"""Vertical field of view with which the page opens."""


@dataclass(frozen=True)
class Look:
    """World, metres. `wxyz`: camera to world. `fov`: vertical, radians."""

    position: Float[np.ndarray, "3"]
    wxyz: Float[np.ndarray, "4"]
    fov: float


def through(camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> Look:
    """From where a view was taken, with its vertical field of view."""
    fov = 2 * np.arctan(camera.height / 2 / camera.intrinsics[1, 1])
    x, y, z, w = Rotation.from_matrix(camera_to_world[:3, :3]).as_quat()
    return Look(camera_to_world[:3, 3].copy(), np.array([w, x, y, z]), float(fov))


def backdrop(
    image: UInt8[np.ndarray, "height width 3"], camera: Camera, *, width: int, height: int
) -> UInt8[np.ndarray, "out_height out_width 3"]:
    """The view's picture as the browser's pinhole sees it: principal point in the middle, grey beside the picture.

    `image` may have another size than the camera says; it shows the same field of view.
    """
    scale_x, scale_y = image.shape[1] / camera.width, image.shape[0] / camera.height
    fx, fy = camera.intrinsics[0, 0] * scale_x, camera.intrinsics[1, 1] * scale_y
    cx, cy = camera.intrinsics[0, 2] * scale_x, camera.intrinsics[1, 2] * scale_y
    focal = height / 2 / np.tan(through(camera, np.eye(4)).fov / 2)
    zoom_x, zoom_y = focal / fx, focal / fy
    move = np.array([[zoom_x, 0, width / 2 - zoom_x * cx], [0, zoom_y, height / 2 - zoom_y * cy]])
    move[:, 2] += 0.5 * np.array([zoom_x, zoom_y]) - 0.5  # pixel centres are at +0.5, OpenCV's at integers
    picture = cv2.warpAffine(np.ascontiguousarray(image), move, (width, height), borderValue=(225, 225, 225))
    return np.asarray(picture, np.uint8)


def in_front(
    bounds: Float[np.ndarray, "2 3"], azimuth: float, fov: float
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Position and look-at point from which the ball around a box fills the height of the picture.

    `bounds`: lowest and highest corner. `azimuth`: in the world's xy plane, from the box to the camera.
    """
    center = bounds.mean(0)
    distance = _FIT * np.linalg.norm(bounds[1] - center) / np.sin(fov / 2)
    ray = [np.cos(_DOWN) * np.cos(azimuth), np.cos(_DOWN) * np.sin(azimuth), np.sin(_DOWN)]
    return center + distance * np.array(ray), center


def bounds_of(record: ObjectRecord) -> Float[np.ndarray, "2 3"]:
    """Lowest and highest corner of the object's box in the world."""
    reach = np.abs(record.frame.rotation) @ record.frame.half_extents
    return np.stack([record.frame.center - reach, record.frame.center + reach])


def azimuth_of(record: ObjectRecord) -> float:
    """Direction, seen from the object, in which its cameras stood on average."""
    if not record.views:
        return float(-np.pi / 2)
    offset = np.mean([view.camera_to_world[:3, 3] for view in record.views], 0) - record.frame.center
    return float(np.arctan2(offset[1], offset[0]))
