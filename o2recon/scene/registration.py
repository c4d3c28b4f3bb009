"""Images of one camera carried to the pixel grid of another that shares its centre, lens distortion taken out."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Num, Shaped

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.capture import Lens
from o2recon.scene.distortion import is_pinhole, seen_at
from o2recon.types import Camera

AREA_ABOVE = 1.5
"""From this reduction on, colour is averaged over the covered area instead of interpolated between four pixels."""
JUMP = 0.01
"""Depth steps by more than this share of itself, beyond what its slope nearby explains, between two surfaces."""


class Registration:
    """Carries images seen through `source` to the grid of the pinhole camera `target`. Made once, used for every frame.

    Without distortion that is the homography K_source K_target^-1, and nothing at all when both cameras are the same.
    """

    def __init__(self, *, source: Camera | Lens, target: Camera) -> None:
        lens = source if isinstance(source, Lens) else Lens(source)
        width, height = lens.camera.width, lens.camera.height
        x, y, trusted = _positions(lens, target)
        same = (width, height) == (target.width, target.height)
        self.identity = same and _is_grid(x, y)
        self.covered: Bool[np.ndarray, "height width"] = trusted & (x >= 0) & (y >= 0) & (x <= width) & (y <= height)
        column, row = (np.clip(np.floor(at), 0, n - 1).astype(np.int32) for at, n in ((x, width), (y, height)))
        self._nearest = row * width + column
        k, t = lens.camera.intrinsics, target.intrinsics
        shrink = np.sqrt(k[0, 0] * k[1, 1] / t[0, 0] / t[1, 1])
        self._size = (width, height)
        if shrink > AREA_ABOVE:
            self._size = (max(round(width / shrink), 1), max(round(height / shrink), 1))
        shape = self.covered.shape
        x, y = np.clip(x, -1, width + 1), np.clip(y, -1, height + 1)
        self._map = _map(x, y, shape)
        shrunk = self._size != (width, height)
        self._smooth_map = (
            _map(x * (self._size[0] / width), y * (self._size[1] / height), shape) if shrunk else self._map
        )

    def smooth(self, image: Shaped[np.ndarray, "rows columns 3"]) -> Shaped[np.ndarray, "height width 3"]:
        """Colour: bilinear, after averaging where many source pixels fall on one. 0 where the source does not reach."""
        if self.identity:
            return image
        if self._size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        moved = cv2.remap(image, *self._smooth_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved[~self.covered] = 0
        return moved

    def nearest(self, image: Num[np.ndarray, "rows columns"]) -> Num[np.ndarray, "height width"]:
        """Ids: the nearest source pixel's. 0 where the source does not reach."""
        if self.identity:
            return image
        return np.where(self.covered, image.ravel()[self._nearest], image.dtype.type(0))

    def depth(self, depth: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "height width"]:
        """z, 0 = none: interpolated on one surface, the nearest source pixel's where four neighbours are not on one.

        Interpolated is 1 / z, which is linear in the image on a plane. 0 where the source does not reach.
        """
        if self.identity:
            return depth
        inverse = np.divide(1, depth, out=np.zeros(depth.shape, np.float32), where=depth > 0)
        apart = _apart(inverse)
        moved = cv2.remap(inverse, *self._map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        column, row = (np.floor(position).astype(np.int32) + 1 for position in self._map)  # the first cell is outside
        mixed = apart[row, column]
        smooth = np.divide(1, moved, out=np.zeros(moved.shape, np.float32), where=moved > 0)
        return np.where(mixed, self.nearest(depth.astype(np.float32)), np.where(self.covered, smooth, np.float32(0)))


def _positions(lens: Lens, target: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where `lens` shows the pixel centres of `target`: x, y and where to trust them, to be broadcast.

    Between two pinhole cameras without skew x depends on the column and y on the row alone. Zooming cameras need this
    for every frame.
    """
    k, t = lens.camera.intrinsics, target.intrinsics
    if not is_pinhole(lens) or k[0, 1] or t[0, 1]:
        at, trusted = seen_at(lens, unnormalized_rays(target, pixel_centers(target)))
        return at[..., 0], at[..., 1], trusted
    u, v = np.arange(target.width)[None] + 0.5, np.arange(target.height)[:, None] + 0.5
    x, y = ((at - t[i, 2]) / t[i, i] * k[i, i] + k[i, 2] for i, at in enumerate((u, v)))
    return x, y, np.ones((1, 1), bool)


def _is_grid(x: np.ndarray, y: np.ndarray) -> bool:
    """Positions are the pixel centres themselves, to a hundredth of a pixel."""
    u, v = np.arange(x.shape[1]) + 0.5, np.arange(y.shape[0])[:, None] + 0.5
    return bool(np.abs(x - u).max() < 1e-2 and np.abs(y - v).max() < 1e-2)


def _map(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions as OpenCV's remap wants them: pixel centres at integers, every pixel's own."""
    maps = [np.ascontiguousarray(np.broadcast_to((at - 0.5).astype(np.float32), shape)) for at in (x, y)]
    return maps[0], maps[1]


def _apart(inverse: Float[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "cells_down cells_right"]:
    """Cells between four pixel centres that are not on one surface, or not known; the border's cells reach outside."""
    unknown = np.pad(inverse, 1, mode="edge") <= 0
    right = np.pad(_steps(inverse), ((1, 1), (1, 1)), mode="edge")
    down = np.pad(_steps(inverse.T).T, ((1, 1), (1, 1)), mode="edge")
    right[:, [0, -1]] = down[[0, -1]] = False  # the border repeats its pixels
    corners = unknown[:-1, :-1] | unknown[:-1, 1:] | unknown[1:, :-1] | unknown[1:, 1:]
    return corners | right[:-1] | right[1:] | down[:, :-1] | down[:, 1:]


def _steps(lines: Float[np.ndarray, "lines pixels"]) -> Bool[np.ndarray, "lines gaps"]:
    """Where two neighbours on a line are on different surfaces.

    They differ by more than JUMP of themselves plus twice the difference of the pair before or after, the smaller of
    the two: a slanted plane is one surface, an edge is not.
    """
    difference = np.abs(np.diff(lines, axis=1))
    beside = np.pad(difference, ((0, 0), (1, 1)), mode="edge")
    slope = np.minimum(beside[:, :-2], beside[:, 2:])
    return difference > JUMP * np.maximum(lines[:, :-1], lines[:, 1:]) + 2 * slope
