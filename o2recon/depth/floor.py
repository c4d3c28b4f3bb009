"""The floor in sparse points: the lowest height at which they cover a large area."""

import numpy as np
from jaxtyping import Float

BIN = 0.02
BAND = 0.04
CELL = 0.25
"""Metres; sparse points lie farther apart than pixels."""
MIN_AREA = 1.0
"""Square metres."""
MIN_SHARE = 0.3
"""Of the largest area at any height."""


def points_floor(points: Float[np.ndarray, "points 3"], up: Float[np.ndarray, "3"]) -> float | None:
    """Height along `up` (metres) of the lowest level of at least 1 m2 and 30 % of the largest; None when there is none.

    Area is counted in cells of 25 cm that hold a point, so that texture does not weigh more.
    """
    height = points @ up
    side = np.linalg.svd(up[None])[2][1:]
    cells = np.floor(points @ side.T / CELL).astype(np.int64)
    cell = (cells[:, 0] << 32) + cells[:, 1]
    order = np.argsort(height)
    height, cell = height[order], cell[order]
    low, high = np.quantile(height, [0.001, 0.999])
    centers = np.arange(low - BIN, high + BIN, BIN)
    ends = np.searchsorted(height, np.stack([centers - BAND, centers + BAND]))
    area = np.array([len(np.unique(cell[a:b])) for a, b in ends.T]) * CELL**2
    large = np.flatnonzero(area >= max(MIN_AREA, MIN_SHARE * area.max()))
    if len(large) == 0:
        return None
    near = slice(large[0], large[0] + round(0.1 / BIN) + 1)
    center = float(centers[near][np.argmax(area[near])])
    for _ in range(3):
        center = float(np.median(height[np.abs(height - center) <= BAND]))
    return center
