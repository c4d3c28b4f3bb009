"""Volumetric intersection over union of two closed meshes."""

import numpy as np
import trimesh

from o2recon.mesh.raycast import Caster


def volume_iou(prediction: trimesh.Trimesh, truth: trimesh.Trimesh, *, count: int, seed: int) -> float:
    """IoU by `count` uniform points in the axis-aligned union of both boxes; 0 when the prediction is not closed.

    The standard error is about sqrt(iou / hits): 0.3 % for an object that fills a third of its box.
    """
    if len(prediction.faces) == 0 or not prediction.is_watertight:
        return 0.0
    low = np.minimum(prediction.bounds[0], truth.bounds[0])
    high = np.maximum(prediction.bounds[1], truth.bounds[1])
    points = low + np.random.default_rng(seed).random((count, 3)) * (high - low)
    in_prediction, in_truth = Caster(prediction).contains(points), Caster(truth).contains(points)
    union = np.count_nonzero(in_prediction | in_truth)
    return float(np.count_nonzero(in_prediction & in_truth) / union) if union else 0.0
