"""What a structured-light sensor makes of a perfect image."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

REFERENCE_WIDTH = 640
"""Image width that the pixel sizes below are meant for; they scale with the real width."""


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """`noise` scales all errors but rounding and range; 0 = a perfect sensor. Pixel sizes are for images 640 wide.

    Depth error: sigma(z) = offset + slope (z - 0.4)^2 metres, correlated over `blotch` pixels (standard deviation of
    the Gaussian kernel). Depth is missing out of `depth_range`, up to `shadow` pixels behind jumps and beyond
    `max_incidence` degrees. Colour: exposure drifts by `exposure` (one sigma), `grain` grey levels of noise.
    """

    noise: float | int
    sigma_offset: float | int
    sigma_slope: float | int
    blotch: float | int
    shadow: float | int
    max_incidence: float | int
    depth_range: Sequence[float | int]
    exposure: float | int
    grain: float | int

    def depth(
        self,
        depth: Float[np.ndarray, "height width"],
        incidence_cosine: Float[np.ndarray, "height width"],
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "height width"]:
        """Measured z in metres, 0 where nothing was measured. `incidence_cosine`: |cos| of view ray and normal."""
        valid = (depth >= self.depth_range[0]) & (depth <= self.depth_range[1])
        if self.noise == 0:
            return np.where(valid, depth, 0.0)
        scale = depth.shape[1] / REFERENCE_WIDTH
        sigma = self.sigma_offset + self.sigma_slope * (depth - 0.4) ** 2
        measured = depth + self.noise * sigma * _blotches(depth.shape, self.blotch * scale, rng)
        valid &= ~_shadows(depth, self.shadow * scale, rng)
        valid &= incidence_cosine > np.cos(np.deg2rad(self.max_incidence))
        valid &= (measured >= self.depth_range[0]) & (measured <= self.depth_range[1])
        return np.where(valid, measured, 0.0)

    def color(
        self, color: Float[np.ndarray, "height width 3"], gain: float, rng: np.random.Generator
    ) -> UInt8[np.ndarray, "height width 3"]:
        """8-bit colour of a display-referred image in [0, 1] under an exposure `gain`."""
        if self.noise == 0:
            return np.rint(np.clip(color, 0, 1) * 255).astype(np.uint8)
        noise = self.noise * self.grain * rng.standard_normal(color.shape, np.float32)
        return np.rint(np.clip(color * gain * 255 + noise, 0, 255)).astype(np.uint8)

    def gains(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, "views"]:
        """Exposure of each view: a slow drift."""
        drift = cv2.GaussianBlur(rng.normal(size=(1, count + 32)), (0, 0), 4.0)[0, 16 : 16 + count]
        return np.exp(self.noise * self.exposure * drift / _blur_gain(4.0, 1))


def _blur_gain(sigma: float, dimensions: int) -> float:
    """Standard deviation of unit white noise after a Gaussian blur."""
    return float((2 * np.sqrt(np.pi) * sigma) ** (-dimensions / 2))


def _blotches(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    """Gaussian noise of unit variance, correlated between neighbouring pixels."""
    white = rng.standard_normal(shape, np.float32)
    if sigma < 0.5:
        return white.astype(float)
    smooth = cv2.GaussianBlur(white, (0, 0), sigma)
    return (smooth / _blur_gain(sigma, 2)).astype(float)


def _shadows(
    depth: Float[np.ndarray, "height width"], reach: float, rng: np.random.Generator
) -> Bool[np.ndarray, "height width"]:
    """Pixels without depth at jumps: up to `reach` pixels on the far side, sometimes one on the near side."""
    kernel = np.ones((3, 3), np.uint8)
    jump = 0.05 + 0.02 * depth
    far_side = depth - cv2.erode(depth, kernel) > jump
    near_side = cv2.dilate(depth, kernel) - depth > jump
    distance = cv2.distanceTransform((~far_side).astype(np.uint8), cv2.DIST_L2, 3)
    nearest = cv2.erode(depth, np.ones((2 * int(np.ceil(reach)) + 1,) * 2, np.uint8))
    limit = reach * (0.6 + 0.4 * np.clip(_blotches(depth.shape, 2.0, rng), -1.5, 1))
    lost = (distance < limit) & (depth - nearest > jump)
    return far_side | lost | (near_side & (rng.random(depth.shape) < 0.25))
