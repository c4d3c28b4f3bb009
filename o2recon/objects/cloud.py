"""The visible cloud of an object: what its own pixels measured, without outliers."""

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from o2recon.cameras import pixel_centers, unproject
from o2recon.types import Frame


class VisibleCloud:
    """Collects an object's measured surface frame by frame, thinned to one point per `spacing` metres.

    Pixels at the mask's border (one pixel) and at depth edges are left out. Cells that only one of many frames saw go
    at the end, and statistical outliers: mean distance to `neighbors` above average by `deviations` times its spread.
    """

    def __init__(self, *, object_id: int, spacing: float, neighbors: int, deviations: float) -> None:
        self.object_id, self.spacing, self.neighbors, self.deviations = object_id, spacing, neighbors, deviations
        self._cells: list[np.ndarray] = []
        self._points: list[np.ndarray] = []

    def add(self, frame: Frame) -> None:
        """The object's pixels of one frame."""
        mask = _inner(frame, self.object_id)
        if not mask.any():
            return
        rows, columns = np.nonzero(mask)
        pixels = pixel_centers(frame.camera)[rows, columns]
        points = unproject(frame.camera, frame.camera_to_world, pixels, frame.depth[rows, columns].astype(float))
        cells, first = np.unique(np.floor(points / self.spacing).astype(np.int32), axis=0, return_index=True)
        self._cells.append(cells)
        self._points.append(points[first])

    def points(self) -> Float[np.ndarray, "points 3"]:
        """World points, metres. ValueError when no frame measured the object."""
        if not self._cells:
            raise ValueError(
                f"object {self.object_id} has no pixel with depth away from edges in any frame: too thin or too far"
            )
        cells, inverse, counts = np.unique(
            np.concatenate(self._cells), axis=0, return_inverse=True, return_counts=True
        )
        sums = np.zeros((len(cells), 3))
        np.add.at(sums, inverse.ravel(), np.concatenate(self._points))
        points = sums / counts[:, None]
        if len(self._cells) >= 4 and (counts >= 2).any():
            points = points[counts >= 2]
        return without_outliers(points, neighbors=self.neighbors, deviations=self.deviations)


def without_outliers(
    points: Float[np.ndarray, "points 3"], *, neighbors: int, deviations: float
) -> Float[np.ndarray, "kept 3"]:
    """Points whose mean distance to their nearest neighbours is not far above the average."""
    if len(points) <= neighbors:
        return points
    distances, _ = cKDTree(points).query(points, k=neighbors + 1)
    mean = distances[:, 1:].mean(1)
    return points[mean <= mean.mean() + deviations * mean.std()]


def _inner(frame: Frame, object_id: int) -> Bool[np.ndarray, "height width"]:
    """The object's pixels with depth, without its border and without depth edges (jumps above 2 cm + 2 % in 3x3)."""
    kernel = np.ones((3, 3), np.uint8)
    mask = cv2.erode((frame.instance == object_id).astype(np.uint8), kernel) > 0
    jump = cv2.dilate(frame.depth, kernel) - cv2.erode(frame.depth, kernel)
    return mask & (frame.depth > 0) & (jump < 0.02 + 0.02 * frame.depth)
