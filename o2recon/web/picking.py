"""What a click on the points of a scan means: the point that was hit, and the box around what it belongs to."""

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from o2recon.transforms import box_of

FIRST_SIZE = (0.6, 0.6, 0.9)
"""Metres; of a box around something that does not stand apart."""
CELL = 0.025
"""Metres; points in cells that touch belong together."""
REACH = 2.0
"""Metres around the click that are looked at; what goes on beyond does not stand apart."""
HEIGHT = 4.0
"""Metres above and below the click, likewise: stray points lie anywhere."""
ABOVE_FLOOR = 0.04
WALL = 1.7
"""Metres; a column with points from below a third of this to above it, over the floor, is a wall."""
HANGING = 1.0
"""Metres; what begins above does not stand on the floor."""
MIN_POINTS = 60
MARGIN = 0.02


def hit(
    points: Float[np.ndarray, "points 3"], origin: Float[np.ndarray, "3"], direction: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"] | None:
    """The first point on a ray, at most 1 cm or half a degree beside it; None when there is none."""
    towards = direction / np.linalg.norm(direction)
    along = (points - origin) @ towards
    beside = np.linalg.norm(points - origin - along[:, None] * towards, axis=1)
    near = np.flatnonzero((along > 0) & (beside < np.maximum(0.01, along * np.radians(0.5))))
    if len(near) == 0:
        return None
    return np.asarray(points[near[along[near].argmin()]], float)


def box_around(
    points: Float[np.ndarray, "points 3"], point: Float[np.ndarray, "3"], *, floor: float | None
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"], float]:
    """Centre, size (metres) and yaw (degrees) of a box around what stands apart from floor and walls at a point.

    Where nothing does, because it touches what is larger, a box of FIRST_SIZE on the floor below the point.
    """
    near = points[(np.abs(points - point) <= (REACH, REACH, HEIGHT)).all(1)]
    if floor is not None:
        near = near[(near[:, 2] > floor + ABOVE_FLOOR) & ~_walls(near, floor)]
    whole = _connected(near, point)
    if whole is None:
        base = point[2] - FIRST_SIZE[2] / 2 if floor is None else floor
        return np.array([point[0], point[1], base + FIRST_SIZE[2] / 2]), np.array(FIRST_SIZE), 0.0
    frame = box_of(whole)
    yaw = float(np.degrees(np.arctan2(frame.rotation[1, 0], frame.rotation[0, 0])))
    size = 2 * frame.half_extents
    quarters = round(yaw / 90)
    if quarters % 2:
        size = size[[1, 0, 2]]
    low, high = frame.center[2] - size[2] / 2 - MARGIN, frame.center[2] + size[2] / 2 + MARGIN
    if floor is not None and low < floor + HANGING:
        low = floor  # legs are often not seen, or not as one piece with what they carry
    center = np.array([*frame.center[:2], (low + high) / 2])
    return center, np.array([size[0] + 2 * MARGIN, size[1] + 2 * MARGIN, high - low]), yaw - 90 * quarters


def _walls(points: Float[np.ndarray, "points 3"], floor: float) -> Bool[np.ndarray, "points"]:
    """Points in columns that reach from low to high."""
    column = np.floor((points[:, :2] - points[:, :2].min(0, initial=0)) / (4 * CELL)).astype(int)
    above = points[:, 2] - floor
    low, high = (np.zeros(column.max(0, initial=0) + 1, bool) for _ in range(2))
    for grid, chosen in ((low, above < WALL / 3), (high, above > WALL)):
        grid[column[chosen, 0], column[chosen, 1]] = True
    wall = cv2.dilate((low & high).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(wall[column[:, 0], column[:, 1]] > 0)


def _connected(points: Float[np.ndarray, "points 3"], point: Float[np.ndarray, "3"]) -> np.ndarray | None:
    """The points that hang together with one; None when they are few or go on to the rim of what is looked at."""
    if len(points) < MIN_POINTS:
        return None
    low = points.min(0)
    cell = np.floor((points - low) / CELL).astype(int)
    grid = np.zeros(cell.max(0) + 1, bool)
    grid[tuple(cell.T)] = True
    label = ndimage.label(grid, np.ones((3, 3, 3)))[0][tuple(cell.T)]
    nearest = np.linalg.norm(points - point, axis=1).argmin()
    found = points[label == label[nearest]]
    if np.linalg.norm(points[nearest] - point) > 2 * CELL or len(found) < MIN_POINTS:
        return None
    return None if np.abs(found[:, :2] - point[:2]).max() > REACH - 2 * CELL else found
