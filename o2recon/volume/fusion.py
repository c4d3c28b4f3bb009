"""Fuse the object's own depth of all frames into a truncated signed distance (Curless and Levoy 1996)."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera, Frame, VoxelGrid
from o2recon.volume import projection_kernels as kernels
from o2recon.volume.projection import Projection, project_grid
from o2recon.volume.threads import over_planes


class Fusion:
    """Weighted mean of point-to-plane distances from voxels to the surface each frame saw, metres, > 0 in front.

    In front the distance is cut at `truncation`. Behind, a frame speaks only to max(1.5 voxels, 1.5 sigma, `behind`),
    with fading weight: a thin board seen from both sides must not have each side's interior push out the other side.
    Weights are 1 / (sigma^2 + 2 mm^2), times the cosine of incidence, in units of 1 / (3.2 mm)^2.
    """

    def __init__(
        self,
        *,
        grid: VoxelGrid,
        object_id: int,
        depth_sigma: Callable[[np.ndarray], np.ndarray],
        truncation: float,
        behind: float,
    ):
        self.grid, self.object_id, self.depth_sigma = grid, object_id, depth_sigma
        self.truncation, self.behind = truncation, behind
        self.weight = torch.zeros(grid.shape)
        self.weighted = torch.zeros(grid.shape)

    def add(self, frame: Frame, seen: Projection | None = None) -> None:
        """Add one frame's depth inside the object's mask. `seen`: as in Carving."""
        own = (frame.instance == self.object_id) & (frame.depth > 0)
        if not own.any():
            return
        seen = project_grid(self.grid, frame) if seen is None else seen
        window = _around(own)
        depth, own = frame.depth[window], own[window]
        cosine = incidence(depth, pixel_rays(frame.camera)[window])
        sigma = self.depth_sigma(depth)
        weight = np.where(own, 1e-5 * cosine / (sigma**2 + 0.002**2), 0)
        reach = np.maximum(max(self.behind, 1.5 * self.grid.spacing), 1.5 * sigma)
        images = [_image(values, window, frame.depth.shape) for values in (depth, cosine, weight, reach)]
        weights, weighted, truncation = self.weight.numpy(), self.weighted.numpy(), np.float32(self.truncation)
        over_planes(
            lambda a, b: kernels.fuse(seen.pixel, seen.z, *images, truncation, a, b, weights, weighted), len(weights)
        )

    def distance(self) -> Float[Tensor, "x y z"]:
        """The fused distance, metres; 0 where no frame spoke."""
        return torch.where(self.weight > 0, self.weighted / self.weight.clamp_min(1e-12), 0.0)


def pixel_rays(camera: Camera) -> Float[np.ndarray, "height width 3"]:
    """Rays with z = 1 through the pixel centres."""
    return unnormalized_rays(camera, pixel_centers(camera)).astype(np.float32)


def incidence(
    depth: Float[np.ndarray, "height width"], rays: Float[np.ndarray, "height width 3"]
) -> Float[np.ndarray, "height width"]:
    """Point-to-plane distance for each metre along z, |n . ray with z = 1|, in [0.25, 1], from smoothed depth."""
    smooth = cv2.medianBlur(depth.astype(np.float32), 5)
    points = rays * smooth[..., None]
    step = 4
    across, down = np.zeros_like(points), np.zeros_like(points)
    across[:, step:-step] = points[:, 2 * step :] - points[:, : -2 * step]
    down[step:-step] = points[2 * step :] - points[: -2 * step]
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    return np.clip(np.abs((normal * rays).sum(-1)), 0.25, 1.0)


def _around(mask: Bool[np.ndarray, "height width"], margin: int = 8) -> tuple[slice, slice]:
    """The mask's bounding box with what `incidence` looks at around it."""
    ranges = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    down, across = (slice(max(int(r[0]) - margin, 0), int(r[-1]) + 1 + margin) for r in ranges)
    return down, across


def _image(values: np.ndarray, window: tuple[slice, slice], shape: tuple[int, ...]) -> Float[np.ndarray, "pixels"]:
    """A window's values in the flattened image, 0 outside."""
    whole = np.zeros(shape, np.float32)
    whole[window] = values
    return whole.ravel()
