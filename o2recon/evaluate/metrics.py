"""The metrics of a predicted mesh against the truth: complete, and split into what the scan saw and what was hidden.

Definitions: prediction and truth are point samples; accuracy = mean distance prediction -> truth, completeness =
truth -> prediction, chamfer = half their sum; precision and recall = shares strictly below a threshold. A predicted
sample belongs to `visible` or `hidden` as its nearest truth point does.
"""

from typing import Any

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from o2recon.evaluate.distances import Nearest, f_score, nearest, share_below
from o2recon.evaluate.sampling import Samples, sample_surface
from o2recon.evaluate.truth import Truth
from o2recon.evaluate.volume import volume_iou

THRESHOLDS_CM = (1, 2, 5, 10)
Values = dict[str, float | None]


def score(
    mesh: trimesh.Trimesh | None,
    truth: Truth,
    *,
    prediction_samples: int = 200_000,
    iou_samples: int = 100_000,
    seed: int = 0,
) -> dict[str, Any]:
    """{"visible" | "complete" | "hidden": {metric: value or None}} of one object. World, metres; keys name their units.

    `mesh` None or without area is a failure: F-scores, precision, recall and iou 0, distances None. Where the truth
    does not say what was seen, `visible` and `hidden` are None; an observed point set gives recall and completeness.
    """
    if mesh is None or len(mesh.faces) == 0 or not mesh.area > 0:
        return _failed(truth)
    prediction = sample_surface(mesh, count=prediction_samples, seed=seed)
    to_truth = nearest(prediction.points, truth.points)
    to_prediction = nearest(truth.points, prediction.points)
    parts: dict[str, Any] = {}
    for part, selected in _parts(truth).items():
        if selected is None:
            parts[part] = None
            continue
        chosen = selected[to_truth.index]
        values = distance_values(to_truth.distance[chosen], to_prediction.distance[selected])
        values |= normal_values(truth, prediction, to_prediction, selected)
        parts[part] = _recall_only(values) if truth.observed_only else values
    complete = parts["complete"]
    if truth.observed_only or truth.mesh is None or not truth.mesh.is_watertight:
        complete["iou"] = None
    else:
        complete["iou"] = volume_iou(mesh, truth.mesh, count=iou_samples, seed=seed)
    return parts


def distance_values(to_truth: Float[np.ndarray, "predicted"], to_prediction: Float[np.ndarray, "true"]) -> Values:
    """Accuracy, completeness, chamfer (cm) and precision, recall, F-score at 1, 2, 5, 10 cm from distances in metres.

    When no predicted sample belongs to the part, its accuracy and chamfer are None and its precision and F-scores 0.
    """
    accuracy = 100 * float(to_truth.mean()) if len(to_truth) else None
    completeness = 100 * float(to_prediction.mean())
    values: Values = {
        "accuracy_cm": accuracy,
        "completeness_cm": completeness,
        "chamfer_cm": None if accuracy is None else (accuracy + completeness) / 2,
    }
    for t in THRESHOLDS_CM:
        precision = share_below(to_truth, t / 100) if len(to_truth) else 0.0
        recall = share_below(to_prediction, t / 100)
        values[f"precision_{t}cm"] = precision
        values[f"recall_{t}cm"] = recall
        values[f"f_score_{t}cm"] = f_score(precision, recall)
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
    kept = ("completeness_cm", *(f"recall_{t}cm" for t in THRESHOLDS_CM))
    return {key: value if key in kept else None for key, value in values.items()}


def _failed(truth: Truth) -> dict[str, Any]:
    """Values of a missing or empty mesh: shares 0, distances and normals None."""
    shares: Values = {f"{name}_{t}cm": 0.0 for t in THRESHOLDS_CM for name in ("precision", "recall", "f_score")}
    distances: Values = {f"{name}_cm": None for name in ("accuracy", "completeness", "chamfer")}
    values: Values = distances | shares | {"normal_consistency": None, "normal_consistency_signed": None}
    if truth.observed_only:
        values = _recall_only(values)
    parts: dict[str, Any] = {name: None if sel is None else dict(values) for name, sel in _parts(truth).items()}
    parts["complete"]["iou"] = None if truth.observed_only else 0.0
    return parts
