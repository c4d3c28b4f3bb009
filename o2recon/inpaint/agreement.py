"""Do the in-paintings of different views show the same colour on the same piece of surface?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.inpaint.canvas import Canvas
from o2recon.inpaint.sources import SourceView, bilinear, seen_points


@dataclass(frozen=True)
class Agreement:
    """Of one view's window: mean colour difference to the other views' in-paintings, grey levels; nan = no other one
    shows that piece of surface."""

    difference: Float[np.ndarray, "height width"]

    def confidence(self, *, color_sigma: float, alone: float) -> Float[np.ndarray, "height width"]:
        """exp(-(difference / color_sigma)^2 / 2), and `alone` where there is nothing to compare with."""
        agreed = np.exp(-0.5 * (self.difference / color_sigma) ** 2)
        return np.where(np.isnan(agreed), alone, agreed).astype(np.float32)


def agreements(
    canvases: Sequence[Canvas], gains: Float[np.ndarray, "views 3"], tolerance: Callable[[np.ndarray], np.ndarray]
) -> list[Agreement]:
    """Painted pixels of every view against the painted pixels of all others on the same surface (z-test), in the same
    exposure."""
    sources = [c.as_source() for c in canvases]
    return [_agreement(k, canvases[k], sources, gains, tolerance) for k in range(len(canvases))]


def mean_difference(found: Sequence[Agreement]) -> float | None:
    """Over all pixels that could be compared, grey levels; None when there are none."""
    values = np.concatenate([a.difference[~np.isnan(a.difference)] for a in found]) if found else np.zeros(0)
    return float(values.mean()) if values.size else None


def _agreement(
    k: int,
    canvas: Canvas,
    sources: Sequence[SourceView],
    gains: Float[np.ndarray, "views 3"],
    tolerance: Callable[[np.ndarray], np.ndarray],
) -> Agreement:
    asked = sources[k].usable
    points, own = canvas.points(asked)[0], canvas.image[asked] / gains[k]
    total, count = np.zeros(len(points)), np.zeros(len(points))
    for j, other in enumerate(sources):
        if j == k or not len(points) or not other.usable.any():
            continue
        sight = seen_points(other.camera, other.camera_to_world, other.depth, other.usable, tolerance, points)
        theirs = bilinear(other.color, sight.u, sight.v) / gains[j]
        total[sight.index] += np.abs(own[sight.index] - theirs).mean(-1)
        count[sight.index] += 1
    difference = np.full(asked.shape, np.nan, np.float32)
    difference[asked] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Agreement(difference)
