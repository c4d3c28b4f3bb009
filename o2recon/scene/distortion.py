"""OpenCV's lens distortion: where a distorted image shows what a pinhole camera sees along a ray."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.polynomial import Polynomial

from o2recon.scene.capture import Lens


def seen_at(
    lens: Lens, rays: Float[np.ndarray, "*shape 3"]
) -> tuple[Float[np.ndarray, "*shape 2"], Bool[np.ndarray, "*shape"]]:
    """Pixel positions of camera-frame rays with z = 1, and where they may be trusted.

    Perspective (`cv2.projectPoints`): x' = x (1 + k1 r2 + k2 r4 + k3 r6) / (1 + k4 r2 + k5 r4 + k6 r6)
    + 2 p1 x y + p2 (r2 + 2 x2), y' with x and y, p1 and p2 exchanged. Fisheye (`cv2.fisheye.projectPoints`):
    r' = t (1 + k1 t2 + k2 t4 + k3 t6 + k4 t8) with t = atan(r). Not trusted: rays beyond the radius at which r' stops
    growing, where the polynomial folds back into the image. ValueError for another number of coefficients.
    """
    x, y = rays[..., 0], rays[..., 1]
    if is_pinhole(lens):
        return _pixels(lens, x, y), np.ones(x.shape, bool)
    check_distortion(lens.distortion, fisheye=lens.fisheye, source="the lens")
    bend = _fisheye if lens.fisheye else _perspective
    x, y, trusted = bend(lens.distortion, x, y)
    return _pixels(lens, x, y), trusted


def is_pinhole(lens: Lens) -> bool:
    """Straight lines are straight in its images. A fisheye lens with coefficients 0 is none: r' = atan(r)."""
    return not lens.distortion or not (lens.fisheye or any(lens.distortion))


def check_distortion(distortion: tuple[float, ...], *, fisheye: bool, source: str) -> None:
    """ValueError, naming `source`, for a number of coefficients that the model does not have, or for no numbers."""
    allowed = (0, 4) if fisheye else (0, 4, 5, 8)
    if len(distortion) not in allowed or not np.isfinite(distortion).all():
        raise ValueError(
            f"{source}: distortion {tuple(distortion)} is not {'k1..k4' if fisheye else 'k1 k2 p1 p2 [k3 [k4 k5 k6]]'}"
            f" of OpenCV's {'fisheye' if fisheye else 'perspective'} model: undistort the images or fix the numbers"
        )


def _pixels(lens: Lens, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([x, y, np.ones_like(x)], -1) @ lens.camera.intrinsics[:2].T


def _fisheye(k: tuple[float, ...], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k1, k2, k3, k4 = k
    bent = Polynomial([0, 1, 0, k1, 0, k2, 0, k3, 0, k4])
    radius = np.hypot(x, y)
    angle = np.arctan(radius)
    share = np.where(radius > 1e-9, bent(angle) / np.maximum(radius, 1e-9), 1.0)
    return x * share, y * share, angle < _turning(bent.deriv(), np.pi)


def _perspective(k: tuple[float, ...], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k1, k2, p1, p2, k3, k4, k5, k6 = (*k, *(0.0,) * (8 - len(k)))
    over, under = Polynomial([1, k1, k2, k3]), Polynomial([1, k4, k5, k6])  # of r2
    square = x**2 + y**2
    trusted = square < min(_turning(_growth(over, under), np.inf), _turning(under, np.inf))
    x, y, square = (np.where(trusted, values, 0) for values in (x, y, square))
    share = over(square) / under(square)
    moved_x = x * share + 2 * p1 * x * y + p2 * (square + 2 * x**2)
    moved_y = y * share + p1 * (square + 2 * y**2) + 2 * p2 * x * y
    return moved_x, moved_y, trusted


def _growth(over: Polynomial, under: Polynomial) -> Polynomial:
    """Positive where r over(r2) / under(r2) grows with r: its derivative times under^2, as a polynomial of s = r2."""
    s = Polynomial([0, 1])
    return over * under + 2 * s * (over.deriv() * under - over * under.deriv())


def _turning(slope: Polynomial, limit: float) -> float:
    """The first positive zero of a polynomial, or `limit`."""
    roots = slope.trim().roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(min(real.min(), limit)) if len(real) else limit
