"""The visible cloud of an object: what its own pixels measured, without outliers."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from o2recon.cameras import pixel_centers, unproject
from o2recon.types import Frame

PIXELS_PER_FRAME = 40_000
FRAMES_AT_ONCE = 32
"""Frames whose points wait to be merged."""


class VisibleCloud:
    """Collects an object's measured surface frame by frame, thinned to one point per `spacing` metres.

    Pixels at the mask's border (one pixel) and at depth edges are left out. Cells that only one of many frames saw go
    at the end, and statistical outliers: mean distance to `neighbors` above average by `deviations` times its spread.
    """

    def __init__(self, *, object_id: int, spacing: float, neighbors: int, deviations: float) -> None:
        self.object_id, self.spacing, self.neighbors, self.deviations = object_id, spacing, neighbors, deviations
        self._cells = np.zeros(0, np.int64)
        self._sums = np.zeros((0, 4))
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._num_frames = 0

    def add(self, frame: Frame) -> None:
        """The object's pixels of one frame."""
        mask = _inner(frame, self.object_id)
        if not mask.any():
            return
        self._num_frames += 1
        rows, columns = np.nonzero(mask)
        step = len(rows) // PIXELS_PER_FRAME + 1
        rows, columns = rows[::step], columns[::step]
        pixels = pixel_centers(frame.camera)[rows, columns]
        points = unproject(frame.camera, frame.camera_to_world, pixels, frame.depth[rows, columns].astype(float))
        cells, first = np.unique(_cell(points, self.spacing), return_index=True)
        self._waiting.append((cells, np.concatenate([points[first], np.ones((len(first), 1))], 1)))
        if len(self._waiting) >= FRAMES_AT_ONCE:
            self._merge()

    def points(self) -> Float[np.ndarray, "points 3"]:
        """World points, metres. ValueError when no frame measured the object."""
        self._merge()
        if self._num_frames == 0:
            raise ValueError(
                f"object {self.object_id} has no pixel with depth away from edges in any frame: scan it from"
                " nearer, or check scene.depth_scale"
            )
        counts = self._sums[:, 3]
        points = self._sums[:, :3] / counts[:, None]
        if self._num_frames >= 4 and (counts >= 2).any():
            points = points[counts >= 2]
        return without_outliers(points, neighbors=self.neighbors, deviations=self.deviations)

    def _merge(self) -> None:
        """One row of (sum of points, number of frames) per cell, so that memory does not grow with the frames."""
        cells = np.concatenate([self._cells, *(c for c, _ in self._waiting)])
        sums = np.concatenate([self._sums, *(s for _, s in self._waiting)])
        self._cells, inverse = np.unique(cells, return_inverse=True)
        self._sums = np.zeros((len(self._cells), 4))
        np.add.at(self._sums, inverse, sums)
        self._waiting = []


def without_outliers(
    points: Float[np.ndarray, "points 3"], *, neighbors: int, deviations: float
) -> Float[np.ndarray, "kept 3"]:
    """Points whose mean distance to their nearest neighbours is not far above the average."""
    if len(points) <= neighbors:
        return points
    distances, _ = cKDTree(points).query(points, k=neighbors + 1)
    mean = distances[:, 1:].mean(1)
    return points[mean <= mean.mean() + deviations * mean.std()]


def _cell(points: Float[np.ndarray, "points 3"], spacing: float) -> Int[np.ndarray, "points"]:
    """One number per cell of a grid of a million cells along each axis."""
    cells = np.floor(points / spacing).astype(np.int64) + (1 << 20)
    return (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]


def _inner(frame: Frame, object_id: int) -> Bool[np.ndarray, "height width"]:
    """The object's pixels with depth, without its border and without depth edges (jumps above 2 cm + 2 % in 3x3)."""
    kernel = np.ones((3, 3), np.uint8)
    mask = cv2.erode((frame.instance == object_id).astype(np.uint8), kernel) > 0
    jump = cv2.dilate(frame.depth, kernel) - cv2.erode(frame.depth, kernel)
    return mask & (frame.depth > 0) & (jump < 0.02 + 0.02 * frame.depth)
