"""Relative depth of a network, brought to metres by the depth that is known in the same picture."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

CONVENTIONS = ("inverse", "affine", "metric")
"""What maps hold: inverse depth up to scale and shift, depth up to scale and shift, or depth in metres."""
ROUNDS = 5
FARTHEST = 100.0
"""Metres; what lies farther is no depth of an object in a room."""


@dataclass(frozen=True)
class Alignment:
    """y = scale relative + shift, where y is 1/z (`inverse`) or z (z in metres, along the camera's axis)."""

    scale: float
    shift: float
    deviation: float
    """Robust standard deviation of the known pixels from this, in the unit of y: 1.4826 times the median error."""
    inverse: bool

    def __call__(self, relative: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """y"""
        return self.scale * relative.astype(float) + self.shift

    def sigma(self, depth: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
        """Standard deviation of a depth z, metres: d z = z^2 d(1/z)."""
        return (self.deviation * (depth**2 if self.inverse else np.ones_like(depth))).astype(np.float32)


def align(
    relative: Float[np.ndarray, "height width"],
    depth: Float[np.ndarray, "height width"],
    known: Bool[np.ndarray, "height width"],
    *,
    min_pixels: int,
    convention: str,
) -> Alignment | None:
    """Scale > 0 and shift that bring `relative` to `depth` (z, metres) on the `known` pixels.

    Rounds of least squares, each with the half that fitted best before, so that up to half of the known pixels may be
    wrong. `metric` maps are in metres already; only their deviation is found. None with fewer than `min_pixels`, or
    where near and far come out swapped.
    """
    assert convention in CONVENTIONS, convention
    if np.count_nonzero(known) < min_pixels:
        return None
    inverse = convention == "inverse"
    x, z = relative[known].astype(float), depth[known].astype(float)
    y = 1 / z if inverse else z
    scale, shift = (1.0, 0.0) if convention == "metric" else _line(x, y)
    if scale <= 0:
        return None
    return Alignment(scale, shift, 1.4826 * float(np.median(np.abs(scale * x + shift - y))), inverse)


def plain_depth(alignment: Alignment, relative: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """z in metres everywhere, by scale and shift alone; 0 where that is behind the camera or beyond any room."""
    return metres(alignment, alignment(relative))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    use = np.ones(x.size, bool)
    a, b = 0.0, 0.0
    for _ in range(ROUNDS):
        a, b = np.linalg.lstsq(np.stack([x[use], np.ones(use.sum())], -1), y[use], rcond=None)[0].tolist()
        error = np.abs(a * x + b - y)
        use = error <= np.median(error)
    return a, b


def metres(alignment: Alignment, y: np.ndarray) -> Float[np.ndarray, "height width"]:
    """z of y; 0 where that is behind the camera or beyond any room."""
    z = 1 / np.maximum(y, 1 / FARTHEST) if alignment.inverse else y
    good = (y > 1 / FARTHEST) if alignment.inverse else (y > 1 / FARTHEST) & (y < FARTHEST)
    return np.where(good, z, 0).astype(np.float32)
