"""Confidence intervals of means and medians over objects and seeds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Reduce = Callable[..., Any]
"""np.mean or np.median."""


def object_means(values: Sequence[Sequence[float]]) -> Float[np.ndarray, "objects"]:
    """Mean over the seeds of each object; objects without a value are left out."""
    return np.array([np.mean(seeds) for seeds in values if len(seeds)], float)


def bootstrap_interval(
    values: Sequence[Sequence[float]],
    *,
    reduce: Reduce = np.mean,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval of `reduce` over objects of the mean over their seeds; values[i]: the seeds of object i.

    Two stages: objects are drawn with replacement, then seeds within each drawn object (Davison and Hinkley, Bootstrap
    Methods and Their Application, 1997, section 3.8). The generator starts from `seed`, so the same values give the
    same interval. None with fewer than two values: one number says nothing about its spread.
    """
    known = [np.asarray(seeds, float) for seeds in values if len(seeds)]
    if sum(map(len, known)) < 2:
        return None
    counts = np.array([len(seeds) for seeds in known])
    padded = np.zeros((len(known), counts.max()))
    for row, seeds in zip(padded, known, strict=True):
        row[: len(seeds)] = seeds
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(known), size=(draws, len(known)))
    chosen = (generator.random((draws, len(known), counts.max())) * counts[drawn][..., None]).astype(int)
    used = np.arange(counts.max()) < counts[drawn][..., None]
    means = np.where(used, padded[drawn[..., None], chosen], 0).sum(-1) / counts[drawn]
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(reduce(means, axis=1), [tail, 100 - tail])
    return float(low), float(high)
