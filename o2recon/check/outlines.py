"""Whether the outlines of object ids lie where depth ends: masks that bleed end outside of it, short ones inside."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from o2recon.check.color import rims
from o2recon.scene.outlines import outline_distance

REACH = 14
"""Pixels from an outline within which depth's rims are looked for."""
NEAR = 2
"""Pixels about the most frequent distance that belong to it."""
CLEAR = 0.6
"""Share of the rims, by density, that must lie there: of masks moved aside half lie outside, half inside."""
LEAST_RIMS = 300


@dataclass(frozen=True)
class OutlineOffset:
    """Outlines lie `outside` pixels (below 0: inside) of where depth ends, for `share` of the `rims` near them."""

    outside: float
    share: float
    rims: int

    @property
    def is_tested(self) -> bool:
        return self.rims >= LEAST_RIMS and self.share >= CLEAR


def outline_offset(
    pictures: Iterable[tuple[Int[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]],
) -> OutlineOffset:
    """The distance from the outlines at which rims of depth are densest, over all pictures (ids, depth) together.

    Rims are counted by how far inside an object's mask they lie, or outside of all, against the number of pixels there:
    those within objects and of what has no id are alike at every distance.
    """
    edges = np.arange(-REACH - 0.5, REACH + 1)
    met, pixels = np.zeros(2 * REACH + 1), np.zeros(2 * REACH + 1)
    for ids, depth in pictures:
        inside = _inside(ids)
        inverse = np.zeros(depth.shape)
        np.divide(1, depth, out=inverse, where=depth > 0)
        column, row = np.ceil(np.concatenate(rims(inverse))).astype(int).T - 1
        met += np.histogram(inside[row, column], edges)[0]
        pixels += np.histogram(inside, edges)[0]
    density = np.divide(met, pixels, out=np.zeros_like(met), where=pixels > 0)
    around = np.convolve(density, np.ones(2 * NEAR + 1), "same")
    best = int(around.argmax())
    at = slice(max(best - NEAR, 0), best + NEAR + 1)
    if not around[best]:
        return OutlineOffset(0.0, 0.0, 0)
    outside = float((density * (np.arange(-REACH, REACH + 1) - 0.5))[at].sum() / density[at].sum())
    return OutlineOffset(outside, float(around[best] / density.sum()), int(met.sum()))


def _inside(ids: Int[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Pixels to the nearest change of id, below 0 where there is none (id 0)."""
    distance = outline_distance(ids)
    return np.where(ids > 0, distance, -distance)
