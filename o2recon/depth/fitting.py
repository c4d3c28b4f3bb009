"""One frame's relative depth brought to metres by what is known of it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from o2recon.depth.alignment import Alignment, metres
from o2recon.depth.sparse import SparseDepth

TRIES = 300
INLIER_SHARE = 0.05
"""Of z: a point this near to a line through two others agrees with it."""


@dataclass(frozen=True)
class Fit:
    """A frame's alignment and what is left at single points: `rest` is a small image of factors on y (see Alignment),
    stretched over the frame; None: everywhere 1."""

    alignment: Alignment
    rest: Float[np.ndarray, "rows columns"] | None
    points: int
    inliers: float
    """Share of the points that agree."""

    def depth(self, relative: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
        """z in metres, 0 where the map says nothing sensible."""
        y = self.alignment(relative)
        if self.rest is not None:
            y = y * cv2.resize(self.rest, (relative.shape[1], relative.shape[0]), interpolation=cv2.INTER_CUBIC)
        return metres(self.alignment, y)


class Fitter:
    """Scale and shift by consensus (RANSAC on pairs of points, then least squares on what agrees), then the smooth
    part of what remains: its mean over a Gaussian of `local_share` of the image's width, drawn to nothing where fewer
    than `local_weight` points are near. `local_share` 0: scale and shift alone. `min_points`, `min_inliers`: a frame
    with fewer points, or a smaller share that agrees, is not fitted.
    """

    def __init__(
        self, *, min_points: int, min_inliers: float, local_share: float, local_weight: float, seed: int
    ) -> None:
        self.min_points, self.min_inliers = min_points, min_inliers
        self.local_share, self.local_weight, self.seed = local_share, local_weight, seed

    def __call__(
        self, relative: Float[np.ndarray, "height width"], known: SparseDepth, *, convention: str
    ) -> Fit | None:
        """None when too few points agree with any scale > 0."""
        if len(known) < self.min_points:
            return None
        column, row = np.floor(known.pixels).astype(int).T
        x, z = relative[row, column].astype(float), known.z
        inverse = convention == "inverse"
        y = 1 / z if inverse else z
        scale, shift, agree = self._line(x, y, z, inverse)
        if scale <= 0 or agree.mean() < self.min_inliers:
            return None
        deviation = 1.4826 * float(np.median(np.abs(scale * x + shift - y)[agree]))
        alignment = Alignment(scale, shift, deviation, inverse)
        rest = self._rest(relative.shape, known.pixels[agree], y[agree] / np.maximum(alignment(x[agree]), 1e-6))
        return Fit(alignment, rest, len(known), float(agree.mean()))

    def _line(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, inverse: bool) -> tuple[float, float, np.ndarray]:
        generator = np.random.default_rng(self.seed)
        i, j = generator.integers(len(x), size=(2, TRIES))
        with np.errstate(divide="ignore", invalid="ignore"):
            scales = np.append((y[i] - y[j]) / (x[i] - x[j]), 0.0)
        scales = np.where(np.isfinite(scales) & (scales > 0), scales, 0.0)
        shifts = np.append(y[i], np.median(y)) - scales * np.append(x[i], 0.0)
        best, agree = 0.0, np.zeros(len(x), bool)
        for scale, shift in zip(scales, shifts, strict=True):
            close = _close(scale * x + shift, z, inverse)
            if scale > 0 and close.mean() > best:
                best, agree = float(close.mean()), close
        scale, shift = 0.0, 0.0
        for _ in range(3):
            if np.count_nonzero(agree) < 3:
                return 0.0, 0.0, agree
            weight = z[agree] if inverse else 1 / z[agree]  # errors count as shares of z
            design = np.stack([x[agree], np.ones(agree.sum())], -1) * weight[:, None]
            scale, shift = np.linalg.lstsq(design, y[agree] * weight, rcond=None)[0].tolist()
            agree = _close(scale * x + shift, z, inverse)
        return scale, shift, agree

    def _rest(self, shape: tuple[int, ...], pixels: np.ndarray, factor: np.ndarray) -> np.ndarray | None:
        """Mean of log factors around every cell of a small image, as a factor."""
        if self.local_share <= 0:
            return None
        height, width = shape
        sigma = self.local_share * width
        rows, columns = max(round(2 * height / sigma), 2), max(round(2 * width / sigma), 2)
        v = (np.arange(rows) + 0.5) * height / rows
        u = (np.arange(columns) + 0.5) * width / columns
        near = np.exp(-0.5 * ((v[:, None] - pixels[:, 1]) / sigma) ** 2)
        beside = np.exp(-0.5 * ((u[:, None] - pixels[:, 0]) / sigma) ** 2)
        total = np.einsum("rp,cp,p->rc", near, beside, np.log(np.clip(factor, 0.5, 2)))
        weight = np.einsum("rp,cp->rc", near, beside)
        return np.asarray(np.exp(total / (weight + self.local_weight)), np.float32)


def _close(y: np.ndarray, z: np.ndarray, inverse: bool) -> np.ndarray:
    made = 1 / np.maximum(y, 1e-6) if inverse else y
    return np.asarray((y > 0) & (np.abs(made - z) < INLIER_SHARE * z))
