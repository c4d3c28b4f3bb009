"""Exposure of the views against each other, from the surfaces that they share."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from o2recon.cameras import pixel_centers, unproject
from o2recon.inpaint.sources import SourceView, bilinear, seen_points

DARKEST, BRIGHTEST = 12.0, 243.0
"""Grey levels beyond which a pixel says nothing about exposure: noise, saturation."""


def exposure_gains(
    views: Sequence[SourceView],
    depth_sigma: Callable[[np.ndarray], np.ndarray],
    *,
    num_samples: int,
    min_shared: int,
    margin: float,
    num_sigmas: float,
    seed: int,
) -> Float[np.ndarray, "views 3"]:
    """Gain of each view and channel: color[view] / gain[view] is comparable across views; geometric mean 1.

    `num_samples` random pixels of each view with depth (of the whole scene, not only the object) are projected into all
    others. The median log ratio of each pair that shares at least `min_shared` of them enters a least-squares problem
    for one log gain per view, weakly tied to 1.
    """
    generator = np.random.default_rng(seed)
    measured = [v.depth > 0 for v in views]
    rows, ratios, weights = [], [], []

    def tolerance(z: np.ndarray) -> np.ndarray:
        return margin + num_sigmas * depth_sigma(z)

    for a, view in enumerate(views):
        points, colors = _samples(view, num_samples, generator)
        for b, other in enumerate(views):
            if b == a or points.shape[0] == 0:
                continue
            sight = seen_points(other.camera, other.camera_to_world, other.depth, measured[b], tolerance, points)
            here, there = colors[sight.index], bilinear(other.color, sight.u, sight.v)
            fair = ((np.minimum(here, there) > DARKEST) & (np.maximum(here, there) < BRIGHTEST)).all(-1)
            if np.count_nonzero(fair) >= min_shared:
                rows.append((a, b))
                ratios.append(np.median(np.log(here[fair] / there[fair]), axis=0))
                weights.append(np.sqrt(np.count_nonzero(fair)))
    if not rows:
        return np.ones((len(views), 3))
    return np.exp(_log_gains(len(views), np.array(rows), np.array(ratios), np.array(weights)))


def _samples(view: SourceView, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.nonzero(view.depth > 0)
    if row.size == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.float32)
    pick = generator.choice(row.size, min(count, row.size), replace=False)
    row, column = row[pick], column[pick]
    pixels = pixel_centers(view.camera)[row, column]
    points = unproject(view.camera, view.camera_to_world, pixels, view.depth[row, column].astype(float))
    return points, view.color[row, column].astype(np.float32)


def _log_gains(count: int, pairs: np.ndarray, ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares of log_gain[a] - log_gain[b] = ratio, one column per channel."""
    matrix = np.zeros((len(pairs), count))
    each = np.arange(len(pairs))
    matrix[each, pairs[:, 0]], matrix[each, pairs[:, 1]] = weights, -weights
    system = np.vstack([matrix, np.full((1, count), weights.mean()), 1e-3 * weights.mean() * np.eye(count)])
    right = np.vstack([ratios * weights[:, None], np.zeros((1 + count, 3))])
    return np.linalg.lstsq(system, right, rcond=None)[0]
