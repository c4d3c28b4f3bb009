"""Captures without depth: matched features of two images must lie on each other's epipolar lines."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from o2recon.check.agreement import Agreement, Hypothesis
from o2recon.check.views import Views

WIDTH = 640
"""Pixels across at which features are looked for, at most."""
FEATURES = 800
"""Per picture."""
DISTINCT = 0.75
"""The nearest descriptor's distance against the second nearest's."""
TOLERANCE = 0.004
"""Of the image's width: features closer to their epipolar line agree (Sampson's distance)."""
WORST = 4 * TOLERANCE
LEAST_OF_PAIR = 15
"""Matches of one pair below which nothing tells the wrong ones from the others."""
LEAST = 60
"""Matches in all pairs together that are needed."""


@dataclass(frozen=True)
class Matches:
    """Matched features of all pairs: places on the grid of `views.camera`, and the pair each match belongs to."""

    views: Views
    pair: Int[np.ndarray, "matches"]
    first: Float[np.ndarray, "matches 2"]
    second: Float[np.ndarray, "matches 2"]

    @property
    def is_enough(self) -> bool:
        return len(self.pair) >= LEAST

    def under(self, hypothesis: Hypothesis) -> Agreement:
        """Distances from the epipolar lines, shares of the width; a point behind a camera is as far as the worst."""
        a, b = self.views.pairs[self.pair].T
        move = np.linalg.inv(hypothesis.poses[b]) @ hypothesis.poses[a]
        inverse = np.linalg.inv(hypothesis.camera.intrinsics)
        rays = [np.column_stack([p, np.ones(len(p))]) @ inverse.T for p in (self.first, self.second)]
        turned, shift = np.einsum("nij,nj->ni", move[:, :3, :3], rays[0]), move[:, :3, 3]
        essential = np.cross(shift[:, None], move[:, :3, :3], axisb=1, axisc=1)
        fundamental = inverse.T @ essential @ inverse
        off = _sampson(fundamental, self.first, self.second) / self.views.camera.width
        across = np.cross(rays[1], turned)
        near = -(across * np.cross(rays[1], shift)).sum(1)  # has the sign of the depth in the first camera
        far = -(across * np.cross(turned, shift)).sum(1)  # and in the second
        known = np.isfinite(move).all((1, 2))
        off = np.where((near > 0) & (far > 0), off, WORST)[known]
        clipped = np.minimum(off, WORST)
        share = float((off < TOLERANCE).mean()) if len(off) else 0.0
        return Agreement(
            share=share,
            through=0.0,
            median=float(np.median(off)) if len(off) else float("inf"),
            overlap=1.0,
            cost=float(clipped.mean() / WORST) if len(off) else 1.0,
            residuals=off,
        )


def matched(views: Views) -> Matches:
    """Features (SIFT) of the views' pictures, matched both ways, in every pair once."""
    found = [_features(color, views.camera.width) for color, _ in views.pictures]
    numbers, first, second = [np.zeros(0, int)], [np.zeros((0, 2))], [np.zeros((0, 2))]
    for number, (a, b) in enumerate(views.pairs[: len(views.pairs) // 2]):
        if min(len(found[a][0]), len(found[b][0])) < 2:
            continue
        places = _matches(found[a][1], found[b][1])
        one, other = found[a][0][places[:, 0]], found[b][0][places[:, 1]]
        kept = _of_one_motion(one, other, views.camera.width)
        numbers.append(np.full(kept.sum(), number))
        first.append(one[kept])
        second.append(other[kept])
    return Matches(views, np.concatenate(numbers), np.concatenate(first), np.concatenate(second))


def _features(
    color: UInt8[np.ndarray, "rows columns 3"], width: int
) -> tuple[Float[np.ndarray, "features 2"], Float[np.ndarray, "features 128"]]:
    """Places on the grid of images `width` pixels across, pixel centres at +0.5, and descriptors."""
    gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY))
    if gray.shape[1] > WIDTH:
        size = (WIDTH, round(gray.shape[0] * WIDTH / gray.shape[1]))
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))
    points, descriptors = cv2.SIFT_create(nfeatures=FEATURES).detectAndCompute(gray, None)  # type: ignore[attr-defined]
    if descriptors is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    places = np.array([p.pt for p in points], float) + 0.5
    return places * width / gray.shape[1], descriptors


def _matches(one: Float[np.ndarray, "a 128"], other: Float[np.ndarray, "b 128"]) -> Int[np.ndarray, "matches 2"]:
    """Rows of both that are each other's nearest, and clearly nearer than the second nearest."""
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    nearest = squared.argmin(1)
    two = np.partition(squared, 1, axis=1)[:, :2]
    mutual = squared.argmin(0)[nearest] == np.arange(len(one))
    rows = np.flatnonzero(mutual & (two[:, 0] < DISTINCT**2 * two[:, 1]))
    return np.stack([rows, nearest[rows]], 1)


def _of_one_motion(one: Float[np.ndarray, "n 2"], other: Float[np.ndarray, "n 2"], width: int) -> Bool[np.ndarray, "n"]:
    """Matches that one camera motion explains, whichever it is: wrong ones fall away before poses are looked at."""
    if len(one) < LEAST_OF_PAIR:
        return np.zeros(len(one), bool)
    cv2.setRNGSeed(0)
    _, mask = cv2.findFundamentalMat(one, other, cv2.FM_RANSAC, TOLERANCE / 2 * width, 0.999, 2000)
    return np.zeros(len(one), bool) if mask is None else np.asarray(mask)[:, 0] > 0


def _sampson(
    fundamental: Float[np.ndarray, "n 3 3"], first: Float[np.ndarray, "n 2"], second: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "n"]:
    """First-order distance (pixels) to the nearest pair of points that fulfils x2^T F x1 = 0."""
    x1, x2 = (np.column_stack([p, np.ones(len(p))]) for p in (first, second))
    line2 = np.einsum("nij,nj->ni", fundamental, x1)
    line1 = np.einsum("nji,nj->ni", fundamental, x2)
    slope = (line1[:, :2] ** 2).sum(1) + (line2[:, :2] ** 2).sum(1)
    return np.abs((x2 * line2).sum(1)) / np.sqrt(np.maximum(slope, 1e-30))
