"""What the chosen views really saw of the object: the pixels that may be copied into other views."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import inside_image, project
from o2recon.masks import erode
from o2recon.types import Camera, ViewRecord


@dataclass(frozen=True)
class SourceView:
    """One view to copy from. `usable`: object pixels away from mask and depth edges. `sharpness` >= 0, any unit."""

    index: int
    camera: Camera
    camera_to_world: Float[np.ndarray, "4 4"]
    color: UInt8[np.ndarray, "height width 3"]
    depth: Float[np.ndarray, "height width"]
    usable: Bool[np.ndarray, "height width"]
    sharpness: float


def source_view(
    view: ViewRecord,
    color: UInt8[np.ndarray, "height width 3"],
    depth: Float[np.ndarray, "height width"],
    visible: Bool[np.ndarray, "height width"],
    *,
    erode_px: int,
) -> SourceView:
    """`depth`: sensor z in metres, 0 = none. Sharpness is the variance of the Laplacian within the mask."""
    usable = erode(visible, erode_px) & (depth > 0)
    grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inner = usable if usable.any() else visible
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F)[inner].var()) if inner.any() else 0.0
    return SourceView(view.index, view.camera, view.camera_to_world, color, depth, usable, sharpness)


@dataclass(frozen=True)
class Sight:
    """Which of the asked points a view sees, and where: `index` into the points, pixel `u`, `v`, own `z` in metres."""

    index: np.ndarray
    u: np.ndarray
    v: np.ndarray
    z: np.ndarray


def seen_points(
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    depth: Float[np.ndarray, "height width"],
    usable: Bool[np.ndarray, "height width"],
    tolerance: Callable[[np.ndarray], np.ndarray],
    points: Float[np.ndarray, "points 3"],
) -> Sight:
    """Z-test: points that fall on a usable pixel whose measured depth agrees within `tolerance(z)` metres."""
    pixels, z = project(camera, camera_to_world, points)
    index = np.nonzero(inside_image(camera, pixels, z))[0]
    u, v, z = pixels[index, 0], pixels[index, 1], z[index]
    column, row = u.astype(int), v.astype(int)
    keep = np.nonzero(usable[row, column])[0]
    keep = keep[np.abs(depth[row[keep], column[keep]] - z[keep]) < tolerance(z[keep])]
    return Sight(index[keep], u[keep], v[keep], z[keep])


def bilinear(image: UInt8[np.ndarray, "height width 3"], u: np.ndarray, v: np.ndarray) -> Float[np.ndarray, "points 3"]:
    """Colours in [0, 255] at pixel positions (centres at +0.5)."""
    if u.size == 0:
        return np.zeros((0, 3), np.float32)
    height, width = image.shape[:2]
    x, y = np.clip(u - 0.5, 0, width - 1), np.clip(v - 0.5, 0, height - 1)
    x0, y0 = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx
    bottom = image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx
    return (top * (1 - fy) + bottom * fy).astype(np.float32)
