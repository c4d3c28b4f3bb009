"""Normals from depth by local planes, in windows that grow as far as the surface stays flat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera


@dataclass(frozen=True)
class _Planes:
    """Planes 1/z = a x + b y + c fitted around every pixel, their root-mean-square residual, and whether they exist."""

    coefficients: Float[np.ndarray, "height width 3"]
    residual: Float[np.ndarray, "height width"]
    valid: Bool[np.ndarray, "height width"]

    def shifted(self, down: int, across: int) -> "_Planes":
        """The fit of the window whose centre lies (down, across) from each pixel."""
        matrix = np.array([[1, 0, -across], [0, 1, -down]], np.float32)
        size = self.residual.shape[::-1]
        move = lambda image: cv2.warpAffine(image, matrix, size, flags=cv2.INTER_NEAREST)  # noqa: E731
        return _Planes(move(self.coefficients), move(self.residual), move(self.valid.astype(np.uint8)) > 0)


def normals_from_depth(
    depth: Float[np.ndarray, "height width"],
    camera: Camera,
    sigma: Float[np.ndarray, "height width"],
    *,
    radii_px: Sequence[int],
    residual_sigmas: float,
    last_residual_sigmas: float,
    own_sigmas: float,
    min_share: float,
) -> Float[np.ndarray, "height width 3"]:
    """Unit normals in the camera frame (OpenCV), facing the camera; 0 where no plane fits or nothing was measured.

    `depth`: z in metres of one object, 0 elsewhere; `sigma`: its standard deviation. A plane is linear in inverse depth
    over normalised image coordinates, 1/z = a x + b y + c, and its normal is -(a, b, c). Least squares in square
    windows of `radii_px`, wide ones first, and for each width also in windows that have the pixel near their edge, so
    that creases stay sharp. A window is taken when its residual stays within `residual_sigmas` sigma and the pixel's
    own within `own_sigmas`, and at least `min_share` of it was measured. What is left, on small round things, takes the
    smallest window if it stays within `last_residual_sigmas`.
    """
    known = depth > 0
    rays = unnormalized_rays(camera, pixel_centers(camera)).astype(np.float64)
    inverse = np.where(known, 1 / np.maximum(depth, 1e-6), 0).astype(np.float64)
    noise = np.where(known, sigma * inverse**2, 0)
    normal = np.zeros((*depth.shape, 3), np.float32)
    open_pixels = known.copy()
    for planes, limit in _windows(rays, inverse, known, radii_px, min_share, residual_sigmas, last_residual_sigmas):
        if not open_pixels.any():
            break
        own = np.abs((planes.coefficients * rays).sum(-1) - inverse)
        good = open_pixels & planes.valid & (planes.residual < limit * noise) & (own < own_sigmas * noise)
        fitted = -planes.coefficients[good]
        normal[good] = fitted / np.maximum(np.linalg.norm(fitted, axis=-1, keepdims=True), 1e-12)
        open_pixels &= ~good
    return normal


def _windows(
    rays: np.ndarray,
    inverse: np.ndarray,
    known: np.ndarray,
    radii_px: Sequence[int],
    min_share: float,
    limit: float,
    last_limit: float,
) -> Iterator[tuple[_Planes, float]]:
    """Fits in the order of preference, each with how uneven it may be, in sigmas."""
    for radius in sorted(radii_px, reverse=True):
        planes = _fit(rays, inverse, known, radius, min_share)
        yield planes, limit
        step = max(round(0.7 * radius), 1)
        for down, across in ((0, step), (0, -step), (step, 0), (-step, 0)):
            yield planes.shifted(down, across), limit
    yield planes, last_limit


def _fit(rays: np.ndarray, inverse: np.ndarray, known: np.ndarray, radius: int, min_share: float) -> _Planes:
    """Least squares in the window of every pixel from box-filtered moments, coordinates relative to its mean."""
    size = (2 * radius + 1, 2 * radius + 1)
    weight = known.astype(np.float64)

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(image, cv2.CV_64F, size, normalize=True, borderType=cv2.BORDER_CONSTANT)

    share = mean(weight)
    safe = np.maximum(share, 1e-9)
    x, y, w = rays[..., 0], rays[..., 1], inverse
    mx, my, mw = (mean(weight * q) / safe for q in (x, y, w))
    xx, yy, ww = (mean(weight * q * q) / safe - m * m for q, m in ((x, mx), (y, my), (w, mw)))
    xy, xw, yw = (
        mean(weight * p * q) / safe - m * n for p, q, m, n in ((x, y, mx, my), (x, w, mx, mw), (y, w, my, mw))
    )
    determinant = xx * yy - xy * xy
    valid = (share >= min_share) & (determinant > 1e-3 * np.maximum(xx + yy, 1e-12) ** 2)
    determinant = np.where(valid, determinant, 1)
    a, b = (yy * xw - xy * yw) / determinant, (xx * yw - xy * xw) / determinant
    residual = np.sqrt(np.maximum(ww - a * xw - b * yw, 0))
    coefficients = np.where(valid[..., None], np.stack([a, b, mw - a * mx - b * my], -1), 0)
    return _Planes(coefficients, residual, valid)
