"""The original's protocol, for numbers that can be put beside its published ones: vertices, not samples; metres."""

import numpy as np
from jaxtyping import Float

from o2recon.evaluate.distances import nearest_both

FARTHEST = 10.0
"""Distances from here on (metres) do not enter the means."""
THRESHOLDS_CM = (2, 5, 10)


def protocol_values(
    prediction: Float[np.ndarray, "predicted 3"], truth: Float[np.ndarray, "true 3"]
) -> dict[str, float | None]:
    """accuracy_m, completeness_m, chamfer_m and precision, recall, f_score at 2, 5, 10 cm between two point sets.

    World, metres. F = 2PR / (P + R + 1e-8). Without predicted points (failure) the shares are 0, the distances None.
    """
    failed = len(prediction) == 0
    to_truth, to_prediction = np.zeros(0), np.full(len(truth), np.inf)
    if not failed:
        to_truth, to_prediction = (found.distance for found in nearest_both(prediction, truth))
    accuracy, completeness = _mean(to_truth), _mean(to_prediction)
    both = accuracy is not None and completeness is not None
    values: dict[str, float | None] = {
        "accuracy_m": accuracy,
        "completeness_m": completeness,
        "chamfer_m": (accuracy + completeness) / 2 if both else None,  # type: ignore[operator]
    }
    for t in THRESHOLDS_CM:
        precision = 0.0 if failed else float(np.mean(to_truth < t / 100))
        recall = float(np.mean(to_prediction < t / 100))
        values[f"precision_{t}cm"] = precision
        values[f"recall_{t}cm"] = recall
        values[f"f_score_{t}cm"] = 2 * precision * recall / (precision + recall + 1e-8)
    return values


def voxel_average(points: Float[np.ndarray, "points 3"], *, size: float) -> Float[np.ndarray, "voxels 3"]:
    """One point per occupied voxel of `size` metres: the mean of the points in it."""
    if len(points) == 0:
        return np.zeros((0, 3))
    cell = np.floor((points - points.min(0)) / size).astype(np.int64)
    _, index, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    index = index.reshape(-1)
    return np.stack([np.bincount(index, points[:, i]) for i in range(3)], 1) / count[:, None]


def _mean(distance: Float[np.ndarray, "points"]) -> float | None:
    near = distance[distance < FARTHEST]
    return float(near.mean()) if len(near) else None
