"""Copy what other views really saw into the hidden pixels of a view, z-tested and exposure-matched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.inpaint.exposure import exposure_gains
from o2recon.inpaint.sources import SourceView, bilinear, seen_points


@dataclass(frozen=True)
class Copied:
    """Colours in [0, 255] of the asked points in the target's exposure; confidence 0 where no view saw the point."""

    color: Float[np.ndarray, "points 3"]
    confidence: Float[np.ndarray, "points"]
    num_views: np.ndarray


class Reproject:
    """Blend of the few best views of each point; the weight falls with viewing angle, coarseness and blur.

    `tolerance` and `num_sigmas` make the z-test, `num_views` is how many views are blended, `color_sigma` (grey levels)
    the disagreement at which a view's say falls to 60 %, `single_confidence` what one view alone is worth.
    """

    def __init__(
        self,
        *,
        tolerance: float,
        num_sigmas: float,
        erode_px: int,
        num_views: int,
        min_cosine: float,
        color_sigma: float,
        single_confidence: float,
        exposure_samples: int,
        exposure_min_shared: int,
    ) -> None:
        self.tolerance = tolerance
        self.num_sigmas = num_sigmas
        self.erode_px = erode_px
        self.num_views = num_views
        self.min_cosine = min_cosine
        self.color_sigma = color_sigma
        self.single_confidence = single_confidence
        self.exposure_samples = exposure_samples
        self.exposure_min_shared = exposure_min_shared

    def gains(
        self, views: Sequence[SourceView], depth_sigma: Callable[[np.ndarray], np.ndarray], *, seed: int
    ) -> Float[np.ndarray, "views 3"]:
        """Exposure of each view."""
        return exposure_gains(
            views,
            depth_sigma,
            num_samples=self.exposure_samples,
            min_shared=self.exposure_min_shared,
            margin=self.tolerance,
            num_sigmas=self.num_sigmas,
            seed=seed,
        )

    def __call__(
        self,
        points: Float[np.ndarray, "points 3"],
        normals: Float[np.ndarray, "points 3"],
        target_gain: Float[np.ndarray, "3"],
        views: Sequence[SourceView],
        gains: Float[np.ndarray, "views 3"],
        depth_sigma: Callable[[np.ndarray], np.ndarray],
    ) -> Copied:
        """Colours of world points with outward unit `normals` (world; zero = unknown). `views`: all but the target."""
        colors = np.zeros((len(views), len(points), 3), np.float32)
        weights = np.zeros((len(views), len(points)), np.float32)

        def tolerance(z: np.ndarray) -> np.ndarray:
            return self.tolerance + self.num_sigmas * depth_sigma(z)

        sharpest = max((v.sharpness for v in views), default=0.0) + 1e-9
        for k, view in enumerate(views):
            sight = seen_points(view.camera, view.camera_to_world, view.depth, view.usable, tolerance, points)
            if sight.index.size == 0:
                continue
            towards = view.camera_to_world[:3, 3] - points[sight.index]
            towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
            normal = normals[sight.index]
            cosine = np.where((normal != 0).any(-1), (normal * towards).sum(-1), 0.5)
            facing = cosine > self.min_cosine
            index, cosine = sight.index[facing], cosine[facing]
            weights[k, index] = cosine / sight.z[facing] * np.sqrt(view.sharpness / sharpest + 1e-3)
            colors[k, index] = bilinear(view.color, sight.u[facing], sight.v[facing]) / gains[k] * target_gain
        return self._blend(colors, weights)

    def _blend(self, colors: np.ndarray, weights: np.ndarray) -> Copied:
        """Weighted mean of the best views around their weighted median; agreement of the views is the confidence."""
        count = np.count_nonzero(weights, axis=0)
        best = np.argsort(-weights, axis=0)[: self.num_views]
        weight = np.take_along_axis(weights, best, axis=0)
        color = np.take_along_axis(colors, best[..., None], axis=0)
        middle = _weighted_median(color, weight)
        distance = np.abs(color - middle[None]).mean(-1)
        trust = weight * np.exp(-0.5 * (distance / self.color_sigma) ** 2)
        total = np.maximum(trust.sum(0), 1e-12)
        blended = (color * trust[..., None]).sum(0) / total[:, None]
        agreement = trust.sum(0) / np.maximum(weight.sum(0), 1e-12)
        confidence = np.where(count > 1, np.clip(agreement, 0, 1), self.single_confidence) * (count > 0)
        return Copied(np.clip(blended, 0, 255).astype(np.float32), confidence.astype(np.float32), count)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Per channel, over the first axis; entries of weight 0 do not count. 0 where all weights are 0."""
    order = np.argsort(np.where(weights[..., None] > 0, values, np.inf), axis=0)
    sorted_values = np.take_along_axis(values, order, axis=0)
    share = np.cumsum(np.take_along_axis(np.broadcast_to(weights[..., None], values.shape), order, axis=0), axis=0)
    half = np.argmax(share >= 0.5 * share[-1:], axis=0)
    return np.take_along_axis(sorted_values, half[None], axis=0)[0]
