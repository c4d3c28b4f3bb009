"""Which object a place in the room belongs to, by the frames that see it away from any outline.

Masks err at their outlines. The surface that a bled pixel measures lies elsewhere in other frames: there it is seen
farther from the outline, by parallax, and says what it is.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.outlines import outline_distance
from o2recon.types import Frame

AXIS_BITS = 14
"""Cells along each axis: 16384, of 1.5 cm 245 m."""
ID_BITS = 16


def grown(instance: Int[np.ndarray, "height width"], px: int) -> Int[np.ndarray, "height width"]:
    """Pixels without an id (0) take that of the nearest pixel that has one, at most `px` pixels away."""
    if px == 0 or not (instance > 0).any():
        return instance
    distance, nearest = cv2.distanceTransformWithLabels(
        (instance <= 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(nearest.max()) + 1, instance.dtype)
    values[nearest[instance > 0]] = instance[instance > 0]
    return np.where(distance <= px, values[nearest], instance).astype(instance.dtype)


class IdVotes:
    """Votes of frames for ids in cells of `spacing` metres.

    A frame's vote for an id in a cell is the largest of (d / `reach_px`)^`power`, at most 1, over its pixels there, d
    pixels from an outline: what is seen well inside a mask counts, what lies at its outline hardly does.
    """

    def __init__(self, *, spacing: float, reach_px: int, power: float) -> None:
        self.spacing, self.reach_px, self.power = spacing, reach_px, power
        self._keys: np.ndarray = np.zeros(0, np.int64)
        self._sums: np.ndarray = np.zeros(0)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, frame: Frame) -> None:
        """All pixels of a frame that have depth."""
        measured = frame.depth > 0
        cells = self.cells(frame, measured)
        weight = np.clip(outline_distance(frame.instance)[measured] / self.reach_px, 0, 1) ** self.power
        keys = cells << ID_BITS | frame.instance[measured]
        order = np.argsort(keys, kind="stable")
        keys, first = np.unique(keys[order], return_index=True)
        if len(keys) == 0:
            return
        self._waiting.append((keys, np.maximum.reduceat(weight[order], first)))
        if len(self._waiting) >= 32:
            self._merge()

    def winners(self) -> "Winners":
        """The strongest id of every cell."""
        self._merge()
        cells, ids = self._keys >> ID_BITS, self._keys & ((1 << ID_BITS) - 1)
        order = np.lexsort((-self._sums, cells))
        known, first = np.unique(cells[order], return_index=True)
        return Winners(
            known, ids[order][first].astype(np.int32), self._sums[order][first], self._keys, self._sums, self
        )

    def cells(self, frame: Frame, chosen: Bool[np.ndarray, "height width"]) -> Int[np.ndarray, "pixels"]:
        """The cells that the chosen pixels, which have depth, measure."""
        rays = unnormalized_rays(frame.camera, pixel_centers(frame.camera)[chosen])
        points = rays * frame.depth[chosen][:, None] @ frame.camera_to_world[:3, :3].T + frame.camera_to_world[:3, 3]
        index = np.floor(points / self.spacing).astype(np.int64) + (1 << (AXIS_BITS - 1))
        index &= (1 << AXIS_BITS) - 1
        return (index[:, 0] << 2 * AXIS_BITS) | (index[:, 1] << AXIS_BITS) | index[:, 2]

    def _merge(self) -> None:
        keys = np.concatenate([self._keys, *(k for k, _ in self._waiting)])
        sums = np.concatenate([self._sums, *(s for _, s in self._waiting)])
        self._keys, inverse = np.unique(keys, return_inverse=True)
        self._sums = np.bincount(inverse, sums, minlength=len(self._keys))
        self._waiting = []


class Winners:
    """What all frames voted: looked up by cell."""

    def __init__(
        self, cells: np.ndarray, ids: np.ndarray, votes: np.ndarray, keys: np.ndarray, sums: np.ndarray, of: IdVotes
    ) -> None:
        self._cells, self._ids, self._votes, self._keys, self._sums = cells, ids, votes, keys, sums
        self.reach_px, self.cells_of = of.reach_px, of.cells

    def strongest(
        self, cells: Int[np.ndarray, "pixels"]
    ) -> tuple[Int[np.ndarray, "pixels"], Float[np.ndarray, "pixels"]]:
        """Strongest id and its votes; no votes where no frame saw the cell."""
        return _found(self._cells, cells, self._ids), _found(self._cells, cells, self._votes)

    def votes_for(
        self, cells: Int[np.ndarray, "pixels"], ids: Int[np.ndarray, "pixels"]
    ) -> Float[np.ndarray, "pixels"]:
        """Votes of the given ids."""
        return _found(self._keys, cells << ID_BITS | ids, self._sums)


def _found(keys: np.ndarray, wanted: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of the wanted keys, 0 where a key is absent; `keys` are sorted."""
    if len(keys) == 0:
        return np.zeros(len(wanted), values.dtype)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0).astype(values.dtype)


def corrected(frame: Frame, winners: Winners, *, majority: float, min_votes: float) -> Int[np.ndarray, "height width"]:
    """The frame's ids with pixels near an outline given to the id that won their place.

    A pixel within `reach_px` of an outline changes when the winner has at least `min_votes` and `majority` times the
    votes of the pixel's own id, and is itself no farther away in the image. Pixels without depth go with the nearest
    ones of their id that have it.
    """
    ids = frame.instance
    band = outline_distance(ids) <= winners.reach_px + 0.5
    judged = band & (frame.depth > 0)
    own = ids[judged]
    cells = winners.cells_of(frame, judged)
    winner, votes = winners.strongest(cells)
    changes = (winner != own) & (votes >= min_votes) & (votes >= majority * winners.votes_for(cells, own))
    result = ids.copy()
    result[judged] = np.where(changes, winner, own)
    result = np.where(_within(ids, result, winners.reach_px), result, ids)
    return _followed(ids, result, band & (frame.depth <= 0), frame.depth > 0, winners.reach_px)


def _within(ids: np.ndarray, result: np.ndarray, reach_px: int) -> Bool[np.ndarray, "height width"]:
    """Where the new id stood nearby before."""
    good = result == ids
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    for new in np.unique(result[~good]):
        good |= (result == new) & (cv2.dilate((ids == new).astype(np.uint8), disc) > 0)
    return good


def _followed(
    ids: np.ndarray, result: np.ndarray, unmeasured: np.ndarray, measured: np.ndarray, reach_px: int
) -> Int[np.ndarray, "height width"]:
    """Pixels without depth take what became of the nearest measured ones of their old id within `reach_px`."""
    filled = result.copy()
    for old in np.unique(ids[unmeasured]):
        source = measured & (ids == old)
        wanted = unmeasured & (ids == old)
        if not source.any() or not (result[source] != old).any():
            continue
        distance, nearest = cv2.distanceTransformWithLabels(
            (~source).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        values = np.zeros(int(nearest.max()) + 1, result.dtype)
        values[nearest[source]] = result[source]
        wanted = wanted & (distance <= reach_px)
        filled[wanted] = values[nearest[wanted]]
    return filled
