"""Surfaces that only pass through a box: the floor below it, the wall behind it, the table top it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.instances.box import Box
from o2recon.instances.cloud import SurfaceCloud

BIN = 0.01
"""Metres; also half the thickness in which a plane's points lie."""
CELL = 0.02


@dataclass(frozen=True)
class Support:
    """A plane parallel to a face of the box, `depth` metres inside it, that faces the inside of the box."""

    axis: int
    sign: int
    depth: float

    def reach(self, box: Box, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape"]:
        """Metres by which points lie on the inner side of the plane."""
        along = self.sign * box.local(points)[..., self.axis]
        return np.asarray(box.frame.half_extents[self.axis] - along - self.depth)


class PlaneSearch:
    """Finds what goes on beyond a box: in the ring of `ring` metres around each face, cells whose normals agree with it
    within `max_angle` degrees and that lie at most `deepest` metres inside or `outside` metres outside the face.

    A plane counts when it covers `min_share` of the ring. Only planes that face the inside of the box are supports: a
    cabinet's own front goes on in its neighbour's, and is no support.
    """

    def __init__(self, *, ring: float, max_angle: float, deepest: float, outside: float, min_share: float) -> None:
        self.ring, self.deepest, self.outside = ring, deepest, outside
        self.min_cosine, self.min_share = float(np.cos(np.deg2rad(max_angle))), min_share

    def __call__(self, cloud: SurfaceCloud, box: Box) -> tuple[Support, ...]:
        """The supports of one box, at most one per face."""
        local, normals = box.local(cloud.points), cloud.normals @ box.frame.rotation
        found = (self._plane(local, normals, box.frame.half_extents, axis, s) for axis in range(3) for s in (-1, 1))
        return tuple(plane for plane in found if plane is not None)

    def _plane(self, local: np.ndarray, normals: np.ndarray, half: np.ndarray, axis: int, sign: int) -> Support | None:
        others = [a for a in range(3) if a != axis]
        depth = half[axis] - sign * local[:, axis]
        deepest = min(self.deepest, half[axis])
        over = np.abs(local[:, others]) - half[others]
        ring = (over.max(1) > 0) & (over.max(1) <= self.ring) & (depth > -self.outside) & (depth < deepest)
        ring &= -sign * normals[:, axis] > self.min_cosine
        if not ring.any():
            return None
        outer = half[others] + self.ring
        area = 4 * (np.prod(outer) - np.prod(half[others]))
        cells = np.floor(local[ring][:, others] / CELL).astype(np.int64)
        number = cells[:, 0] * 100_003 + cells[:, 1]
        depth = depth[ring]
        centers = np.arange(-self.outside, deepest + BIN, BIN)
        covered = np.array([len(np.unique(number[np.abs(depth - c) <= 1.5 * BIN])) for c in centers]) * CELL**2
        if covered.max() < self.min_share * area:
            return None
        best = float(np.median(depth[np.abs(depth - centers[covered.argmax()]) <= 1.5 * BIN]))
        return Support(axis, sign, best)


def above(
    box: Box,
    supports: Sequence[Support],
    points: Float[np.ndarray, "*shape 3"],
    slack: Float[np.ndarray, "*shape"] | float,
) -> Bool[np.ndarray, "*shape"]:
    """True for points more than `slack` metres on the inner side of all supports."""
    kept = np.ones(points.shape[:-1], bool)
    for support in supports:
        kept &= support.reach(box, points) > slack
    return kept
