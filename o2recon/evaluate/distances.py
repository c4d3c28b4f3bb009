"""Exact nearest-neighbour distances between two surfaces given as samples, and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from o2recon.evaluate.tree import build_trees, nearest_in

THRESHOLDS_CM = (1, 2, 5, 10)
DISTANCES = ("accuracy_cm", "completeness_cm", "chamfer_cm", "chamfer_squared_cm2")


@dataclass(frozen=True)
class Nearest:
    """For every query point: metres to its nearest neighbour and that neighbour's index."""

    distance: Float[np.ndarray, "points"]
    index: Int[np.ndarray, "points"]


def nearest(queries: Float[np.ndarray, "queries 3"], references: Float[np.ndarray, "references 3"]) -> Nearest:
    """Exact nearest neighbours, on all cores. Both sets in the same frame, metres. ValueError when one is empty."""
    of_queries, of_references = build_trees(queries, references)
    return Nearest(*nearest_in(of_references, of_queries))


def nearest_both(a: Float[np.ndarray, "a 3"], b: Float[np.ndarray, "b 3"]) -> tuple[Nearest, Nearest]:
    """`nearest` from `a` to `b` and from `b` to `a`, for little more than the price of one."""
    of_a, of_b = build_trees(a, b)
    return Nearest(*nearest_in(of_b, of_a)), Nearest(*nearest_in(of_a, of_b))


def f_score(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall, 0 when both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def share_below(distance: Float[np.ndarray, "points"], threshold: float) -> float:
    """Share of distances strictly below `threshold` (metres)."""
    return float(np.mean(distance < threshold))


def shares_at(threshold_cm: float | int, precision: float, recall: float) -> dict[str, float]:
    """The three shares under a threshold, keyed as in result.json: 5 and 5.0 give `f_score_5cm`, 2.5 `f_score_2.5cm`"""
    t = f"{threshold_cm:g}"
    return {f"precision_{t}cm": precision, f"recall_{t}cm": recall, f"f_score_{t}cm": f_score(precision, recall)}


def checked_thresholds(thresholds_cm: Sequence[float | int]) -> tuple[float | int, ...]:
    """The thresholds as they are; ValueError unless there is one and all are positive, in centimetres."""
    if len(thresholds_cm) == 0 or not all(t > 0 for t in thresholds_cm):
        raise ValueError(f"evaluate.thresholds_cm={list(thresholds_cm)}: give at least one, all above 0")
    return tuple(thresholds_cm)
