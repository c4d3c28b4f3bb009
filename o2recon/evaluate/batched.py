"""Distances between batches of point sets as tensors, on any device: for training curves and many objects at once."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from o2recon.evaluate.distances import THRESHOLDS_CM, checked_thresholds, nearest

Points = Float[Tensor, "batch points 3"]
MAX_PAIRS = 1 << 23
"""Pairs of points looked at together away from the CPU: 32 MB per array in single precision, two or three of them."""


def batched_nearest(
    queries: Float[Tensor, "batch queries 3"],
    references: Float[Tensor, "batch references 3"],
    *,
    query_counts: Int[Tensor, "batch"] | None = None,
    reference_counts: Int[Tensor, "batch"] | None = None,
    max_pairs: int = MAX_PAIRS,
) -> tuple[Float[Tensor, "batch queries"], Int[Tensor, "batch queries"]]:
    """Distance to, and index of, each query's exact nearest neighbour among the references of its own batch entry.

    Any unit, one frame per entry. Of padded sets only the first `*_counts` points are real (all without counts);
    padded queries, and all of an entry without references, get distance inf and index -1. CPU: a tree in double
    precision. Elsewhere: direct differences of all pairs, `max_pairs` at a time, about the references' own centre, in
    the dtype given; the distance to the neighbour found is that of the points as given. No gradient passes.
    ValueError when counts do not fit.
    """
    queries, references = queries.detach(), references.detach()
    asked = _counts(query_counts, queries)
    known = _counts(reference_counts, references)
    distance = queries.new_full(queries.shape[:2], torch.inf)
    index = torch.full(queries.shape[:2], -1, dtype=torch.long, device=queries.device)
    for entry, (count, total) in enumerate(zip(asked, known, strict=True)):
        if count == 0 or total == 0:
            continue
        q, r = queries[entry, :count], references[entry, :total]
        found = _on_cpu(q, r) if q.device.type == "cpu" else all_pairs_nearest(q, r, max_pairs=max_pairs)
        index[entry, :count] = found
        distance[entry, :count] = (q - r[found]).norm(dim=1)
    return distance, index


def all_pairs_nearest(
    queries: Float[Tensor, "queries 3"], references: Float[Tensor, "references 3"], *, max_pairs: int = MAX_PAIRS
) -> Int[Tensor, "queries"]:
    """Index of the nearest reference by direct differences, never more than about `max_pairs` of them in memory.

    Differences, not |a|^2 + |b|^2 - 2ab, which loses half the digits of near neighbours.
    """
    center = references.mean(0)
    q, r = queries - center, references - center
    width = min(len(r), max_pairs)
    height = max(1, max_pairs // width)
    best = q.new_full((len(q),), torch.inf)
    index = torch.zeros(len(q), dtype=torch.long, device=q.device)
    for row in range(0, len(q), height):
        some = q[row : row + height]
        for column in range(0, len(r), width):
            others = r[column : column + width].T.contiguous()
            squared = (some[:, :1] - others[0]).square_()
            for axis in (1, 2):
                difference = some[:, axis : axis + 1] - others[axis]
                squared.addcmul_(difference, difference)
            near, which = squared.min(1)
            closer = near < best[row : row + height]
            index[row : row + height] = torch.where(closer, which + column, index[row : row + height])
            best[row : row + height] = torch.minimum(near, best[row : row + height])
    return index


def batched_distance_values(
    prediction: Float[Tensor, "batch predicted 3"],
    truth: Float[Tensor, "batch true 3"],
    *,
    prediction_counts: Int[Tensor, "batch"] | None = None,
    truth_counts: Int[Tensor, "batch"] | None = None,
    thresholds_cm: Sequence[float | int] = THRESHOLDS_CM,
) -> dict[str, Float[Tensor, "batch"]]:
    """`distance_values` of every entry of a batch of samples (world, metres): the same keys and the same meaning.

    An entry without predicted points has failed: shares 0, distances nan. ValueError when one has no truth.
    """
    checked_thresholds(thresholds_cm)
    p, t = prediction_counts, truth_counts
    if 0 in _counts(t, truth):
        raise ValueError("truth_counts holds 0: every object needs at least one true point")
    to_truth, _ = batched_nearest(prediction, truth, query_counts=p, reference_counts=t)
    to_prediction, _ = batched_nearest(truth, prediction, query_counts=t, reference_counts=p)
    predicted, true = _mask(prediction_counts, prediction), _mask(truth_counts, truth)
    accuracy, completeness = (_mean(d, m) * 100 for d, m in ((to_truth, predicted), (to_prediction, true)))
    squares = _mean(to_truth**2, predicted) + _mean(to_prediction**2, true)
    failed = ~predicted.any(1)
    values = {
        "accuracy_cm": accuracy,
        "completeness_cm": completeness,
        "chamfer_cm": (accuracy + completeness) / 2,
        "chamfer_squared_cm2": 1e4 * squares / 2,
    }
    values = {key: value.masked_fill(failed, torch.nan) for key, value in values.items()}
    for cm in thresholds_cm:
        precision = _mean((to_truth < cm / 100).to(truth.dtype), predicted).nan_to_num(0.0)
        recall = _mean((to_prediction < cm / 100).to(truth.dtype), true)
        both = precision + recall
        values[f"precision_{cm:g}cm"], values[f"recall_{cm:g}cm"] = precision, recall
        values[f"f_score_{cm:g}cm"] = torch.where(both > 0, 2 * precision * recall / both.clamp_min(1e-30), 0.0)
    return values


def _on_cpu(queries: Float[Tensor, "queries 3"], references: Float[Tensor, "references 3"]) -> Int[Tensor, "queries"]:
    return torch.from_numpy(nearest(*(p.numpy().astype(np.float64) for p in (queries, references))).index)


def _counts(counts: Int[Tensor, "batch"] | None, points: Points) -> list[int]:
    batch, most = points.shape[:2]
    given = [most] * batch if counts is None else [int(n) for n in counts.tolist()]
    if len(given) != batch or any(not 0 <= n <= most for n in given):
        raise ValueError(f"counts {given} do not fit {batch} sets of {most} points: one per set, from 0 to {most}")
    return given


def _mask(counts: Int[Tensor, "batch"] | None, points: Points) -> Bool[Tensor, "batch points"]:
    number = torch.arange(points.shape[1], device=points.device)
    most = torch.tensor(_counts(counts, points), device=points.device)
    return number < most[:, None]


def _mean(values: Float[Tensor, "batch points"], mask: Bool[Tensor, "batch points"]) -> Float[Tensor, "batch"]:
    """Mean over the points of each entry that count; nan where none does."""
    return torch.where(mask, values, 0).double().sum(1).div(mask.sum(1)).to(values.dtype)
