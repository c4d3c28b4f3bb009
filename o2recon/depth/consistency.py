"""Which made depth other views confirm, and how far they disagree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, pixel_centers, project, unproject
from o2recon.types import Camera

Depth = Callable[[int], Float[np.ndarray, "height width"]]


@dataclass(frozen=True)
class Agreement:
    """`agree`: number of other views that see the same surface; `through`: that saw past it. `errors`: differences of z
    as shares of it, of a sample of the pixels that see about the same."""

    agree: np.ndarray
    through: np.ndarray
    errors: Float[np.ndarray, "samples"]

    def confirmed(self, *, min_views: int) -> Bool[np.ndarray, "height width"]:
        """Seen by at least so many other views, and not contradicted by more."""
        return np.asarray((self.agree >= min_views) & (self.agree >= self.through))


def agreement(
    index: int,
    others: Sequence[int],
    depth: Depth,
    camera: Camera,
    poses: dict[int, Float[np.ndarray, "4 4"]],
    *,
    tolerance: float,
) -> Agreement:
    """Every pixel's point projected into the other frames; `tolerance`: share of z by which one surface may differ."""
    own = depth(index)
    valid = own > 0
    points = unproject(camera, poses[index], pixel_centers(camera)[valid], own[valid].astype(float))
    agree, through = np.zeros(len(points), np.int16), np.zeros(len(points), np.int16)
    errors = []
    for other in others:
        there = depth(other)
        pixels, z = project(camera, poses[other], points)
        inside = inside_image(camera, pixels, z)
        column, row = np.floor(pixels[inside]).astype(int).T
        seen, share = there[row, column], np.full(len(points), np.nan)
        share[inside] = np.where(seen > 0, seen / z[inside] - 1, np.nan)
        with np.errstate(invalid="ignore"):
            agree += np.abs(share) < tolerance
            through += share > tolerance
            errors.append(share[np.abs(share) < 3 * tolerance][::97])
    full = np.zeros((2, *own.shape), np.int16)
    full[:, valid] = agree, through
    return Agreement(full[0], full[1], np.concatenate(errors) if errors else np.zeros(0))


def carried_depth(
    index: int,
    others: Sequence[int],
    depth: Depth,
    camera: Camera,
    poses: dict[int, Float[np.ndarray, "4 4"]],
    *,
    stride: int,
) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, "points"]]:
    """Pixels and z, in one frame, of what other frames see: every `stride`-th pixel of them."""
    pixels, depths = [np.zeros((0, 2))], [np.zeros(0)]
    centers = pixel_centers(camera)[::stride, ::stride]
    for other in others:
        there = depth(other)[::stride, ::stride]
        points = unproject(camera, poses[other], centers[there > 0], there[there > 0].astype(float))
        at, z = project(camera, poses[index], points)
        inside = inside_image(camera, at, z)
        pixels.append(at[inside])
        depths.append(z[inside])
    return np.concatenate(pixels), np.concatenate(depths)
