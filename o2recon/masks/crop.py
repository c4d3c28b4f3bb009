"""The part of an image where an object can be, so that nothing is computed outside it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import project
from o2recon.transforms import object_to_world
from o2recon.types import Camera, ObjectFrame

NEAR = 0.05
"""Metres; a box that comes nearer than this to the camera plane is not cropped to."""


@dataclass(frozen=True)
class Crop:
    """A window of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Indexes an image: `image[crop.window]` is a view of it."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def object_pixels(frame: ObjectFrame, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> float:
    """How large the object is in the image: the diagonal of its box at the depth of its centre, pixels.

    The depth counts as at least half the diagonal, so that a camera inside the box sees a size, too.
    """
    z = float((frame.center - camera_to_world[:3, 3]) @ camera_to_world[:3, 2])
    return 2 * frame.scale * focal_length(camera) / max(z, frame.scale)


def focal_length(camera: Camera) -> float:
    """One for both axes, pixels: the geometric mean."""
    return float(np.sqrt(abs(np.linalg.det(camera.intrinsics[:2, :2]))))


def object_crop(
    frame: ObjectFrame,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    visible: Bool[np.ndarray, "height width"],
    *,
    margin_px: int,
) -> Crop:
    """The window that holds the projected box of the object and its visible mask, `margin_px` wider on each side.

    The whole image when the box reaches behind the camera or misses the image altogether.
    """
    signs = np.array(np.meshgrid([-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0])).reshape(3, 8).T
    corners = object_to_world(frame, signs * frame.half_extents / frame.scale)
    pixels, z = project(camera, camera_to_world, corners)
    whole = Crop(0, 0, camera.height, camera.width)
    if z.min() < NEAR:
        return whole
    rows, columns = np.nonzero(visible.any(1))[0], np.nonzero(visible.any(0))[0]
    x = np.concatenate([pixels[:, 0], columns])
    y = np.concatenate([pixels[:, 1], rows])
    left, right = max(int(x.min()) - margin_px, 0), min(int(x.max()) + 1 + margin_px, camera.width)
    top, bottom = max(int(y.min()) - margin_px, 0), min(int(y.max()) + 1 + margin_px, camera.height)
    if right <= left or bottom <= top:
        return whole
    return Crop(top, left, bottom - top, right - left)


def crop_camera(camera: Camera, crop: Crop) -> Camera:
    """The camera whose image is the window: same rays, principal point shifted."""
    intrinsics = camera.intrinsics.astype(float).copy()
    intrinsics[:2, 2] -= (crop.left, crop.top)
    return Camera(intrinsics, crop.width, crop.height)
