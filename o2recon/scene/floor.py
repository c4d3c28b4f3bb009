"""The floor: the lowest large horizontal plane of a scan."""

import logging
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from o2recon.cameras import pixel_centers, unproject
from o2recon.types import Frame

log = logging.getLogger(__name__)

COLUMNS = 80
"""Pixels used per row."""
MAX_DEPTH = 3.5
MIN_COSINE = 0.85
BIN = 0.02
BAND = 0.03
CELL = 0.1
MIN_AREA = 0.5
"""Square metres of observed plane."""
MIN_SHARE = 0.15
"""Observed area relative to the largest horizontal plane."""


def floor_height(frames: Iterable[Frame], up: Float[np.ndarray, "3"], *, but: int | None = None) -> float | None:
    """Height along `up` (metres) of the lowest horizontal plane of at least 0.5 m2 and 15 % of the largest.

    The object with id `but` is none. Uses depth up to 3.5 m. Area is counted in cells of 10 cm, so that what was
    scanned longer does not weigh more.
    """
    clouds = [_up_facing(frame, up, but) for frame in frames]
    points = np.concatenate(clouds) if clouds else np.zeros((0, 3))
    if len(points) == 0:
        return None
    side = np.linalg.svd(up[None])[2][1:]
    cells = np.floor(points @ side.T / CELL).astype(np.int64)
    cells -= cells.min(0)
    cell = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    height = points @ up
    order = np.argsort(height)
    height, cell = height[order], cell[order]
    centers = np.arange(height[0], height[-1] + BIN, BIN)
    area = np.array([_area(height, cell, center) for center in centers])
    large = np.flatnonzero(area >= max(MIN_AREA, MIN_SHARE * area.max()))
    if len(large) == 0:
        return None
    near = slice(large[0], large[0] + round(0.1 / BIN) + 1)
    center = centers[near][np.argmax(area[near])]
    for _ in range(3):
        center = float(np.median(height[np.abs(height - center) <= BAND]))
    return center


def _area(height: np.ndarray, cell: np.ndarray, center: float) -> float:
    low, high = np.searchsorted(height, [center - BAND, center + BAND])
    _, counts = np.unique(cell[low:high], return_counts=True)
    return float((counts >= 3).sum()) * CELL**2


def _up_facing(frame: Frame, up: np.ndarray, but: int | None) -> np.ndarray:
    """World points of a sparse pixel grid whose normal points up, without those of the object `but`."""
    stride = max(frame.camera.width // COLUMNS, 1)
    sparse = slice(stride // 2, None, stride)
    depth = frame.depth[sparse, sparse].astype(float)
    if but is not None:
        depth = np.where(frame.instance[sparse, sparse] == but, 0, depth)
    pixels = pixel_centers(frame.camera)[sparse, sparse]
    points = unproject(frame.camera, frame.camera_to_world, pixels, depth)
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    normal = np.cross(down, right)
    length = np.linalg.norm(normal, axis=-1)
    corners = np.stack([depth[:-1, :-1], depth[:-1, 1:], depth[1:, :-1]])
    valid = (corners.min(0) > 0) & (corners.max(0) < MAX_DEPTH) & (np.ptp(corners, axis=0) < 0.15) & (length > 0)
    return points[:-1, :-1][valid & (normal @ up > MIN_COSINE * length)]
