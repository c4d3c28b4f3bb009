"""The metrics of a predicted mesh against the truth: complete, and split into what the scan saw and what was hidden.

Definitions: prediction and truth are point samples; accuracy = mean distance prediction -> truth, completeness =
truth -> prediction, chamfer = half their sum; precision and recall = shares strictly below a threshold. A predicted
sample belongs to `visible` or `hidden` as its nearest truth point does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from o2recon.evaluate.distances import (
    DISTANCES,
    THRESHOLDS_CM,
    Nearest,
    nearest_both,
    share_below,
    shares_at,
)
from o2recon.evaluate.sampling import Samples, sample_surface
from o2recon.evaluate.truth import Truth
from o2recon.evaluate.volume import volume_iou

Values = dict[str, float | None]


def score(
    mesh: trimesh.Trimesh | None,
    truth: Truth,
    *,
    thresholds_cm: Sequence[float | int] = THRESHOLDS_CM,
    prediction_samples: int = 200_000,
    iou_samples: int = 100_000,
    seed: int = 0,
) -> dict[str, Any]:
    """{"visible" | "complete" | "hidden": {metric: value or None}} of one object. World, metres; keys name their units.

    `mesh` None or without area is a failure: F-scores, precision, recall and iou 0, distances None. Where the truth
    does not say what was seen, `visible` and `hidden` are None; an observed point set gives recall and completeness.
    """
    if mesh is None or len(mesh.faces) == 0 or not mesh.area > 0:
        return _failed(truth, thresholds_cm)
    prediction = sample_surface(mesh, count=prediction_samples, seed=seed)
    to_truth, to_prediction = nearest_both(prediction.points, truth.points)
    parts: dict[str, Any] = {}
    for part, selected in _parts(truth).items():
        if selected is None:
            parts[part] = None
            continue
        chosen = selected[to_truth.index]
        values = distance_values(to_truth.distance[chosen], to_prediction.distance[selected], thresholds_cm)
        values |= normal_values(truth, prediction, to_prediction, selected)
        parts[part] = _recall_only(values) if truth.observed_only else values
    complete = parts["complete"]
    if truth.observed_only or truth.mesh is None or not truth.mesh.is_watertight:
        complete["iou"] = None
    else:
        complete["iou"] = volume_iou(mesh, truth.mesh, count=iou_samples, seed=seed)
    return parts


def distance_values(
    to_truth: Float[np.ndarray, "predicted"],
    to_prediction: Float[np.ndarray, "true"],
    thresholds_cm: Sequence[float | int] = THRESHOLDS_CM,
) -> Values:
    """Accuracy, completeness, chamfer (cm, and squared) and precision, recall, F-scores from distances in metres.

    chamfer = half the sum of both means, chamfer_squared_cm2 = half the sum of both means of squares. When no predicted
    sample belongs to the part, its accuracy and chamfers are None and its precision and F-scores 0.
    """
    given = len(to_truth) > 0
    accuracy = 100 * float(to_truth.mean()) if given else None
    completeness = 100 * float(to_prediction.mean())
    squared = 1e4 * float((to_truth**2).mean() + (to_prediction**2).mean()) / 2 if given else None
    values: Values = {
        "accuracy_cm": accuracy,
        "completeness_cm": completeness,
        "chamfer_cm": None if accuracy is None else (accuracy + completeness) / 2,
        "chamfer_squared_cm2": squared,
    }
    for t in thresholds_cm:
        precision = share_below(to_truth, t / 100) if given else 0.0
        recall = share_below(to_prediction, t / 100)
        values |= shares_at(t, precision, recall)
    return values


def normal_values(
    truth: Truth, prediction: Samples, to_prediction: Nearest, selected: Bool[np.ndarray, "true"]
) -> Values:
    """Mean |cos| and mean cos between truth normals and those of the nearest predicted samples, if truth has any."""
    if truth.normals is None:
        return {"normal_consistency": None, "normal_consistency_signed": None}
    found = prediction.normals[to_prediction.index[selected]]
    cosine = np.einsum("nd,nd->n", truth.normals[selected], found)
    return {"normal_consistency": float(np.abs(cosine).mean()), "normal_consistency_signed": float(cosine.mean())}


def _parts(truth: Truth) -> dict[str, Bool[np.ndarray, "points"] | None]:
    """Truth points of each part; None where a part is unknown or empty."""
    everything = np.ones(len(truth.points), bool)
    seen = truth.seen
    if seen is None:
        return {"visible": None, "complete": everything, "hidden": None}
    return {
        "visible": seen if seen.any() else None,
        "complete": everything,
        "hidden": ~seen if not seen.all() else None,
    }


def _recall_only(values: Values) -> Values:
    return {key: value if key.startswith(("completeness", "recall")) else None for key, value in values.items()}


def _failed(truth: Truth, thresholds_cm: Sequence[float | int]) -> dict[str, Any]:
    """Values of a missing or empty mesh: shares 0, distances and normals None."""
    values: Values = dict.fromkeys(DISTANCES)
    for t in thresholds_cm:
        values |= shares_at(t, 0.0, 0.0)
    values |= {"normal_consistency": None, "normal_consistency_signed": None}
    if truth.observed_only:
        values = _recall_only(values)
    parts: dict[str, Any] = {name: None if sel is None else dict(values) for name, sel in _parts(truth).items()}
    parts["complete"]["iou"] = None if truth.observed_only else 0.0
    return parts
