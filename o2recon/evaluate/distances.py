"""Exact nearest-neighbour distances between two surfaces given as samples, and what follows from them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Nearest:
    """For every query point: metres to its nearest neighbour and that neighbour's index."""

    distance: Float[np.ndarray, "points"]
    index: Int[np.ndarray, "points"]


def nearest(queries: Float[np.ndarray, "queries 3"], references: Float[np.ndarray, "references 3"]) -> Nearest:
    """Exact nearest neighbours, on all cores. Both sets in the same frame, metres."""
    tree = cKDTree(references)
    distance, index = tree.query(queries, workers=-1)
    return Nearest(distance, index)


def f_score(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall, 0 when both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def share_below(distance: Float[np.ndarray, "points"], threshold: float) -> float:
    """Share of distances strictly below `threshold` (metres)."""
    return float(np.mean(distance < threshold))
