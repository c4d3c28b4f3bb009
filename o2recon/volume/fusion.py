"""Fuse the object's own depth of all frames into a truncated signed distance (Curless and Levoy 1996)."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera, Frame, VoxelGrid
from o2recon.volume.projection import project_grid


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

    def add(self, frame: Frame) -> None:
        """Add one frame's depth inside the object's mask."""
        own = (frame.instance == self.object_id) & (frame.depth > 0)
        if not own.any():
            return
        seen = project_grid(self.grid, frame)
        cosine = incidence(frame.depth, frame.camera)
        sigma = self.depth_sigma(frame.depth)
        weight = np.where(own, 1e-5 * cosine / (sigma**2 + 0.002**2), 0)
        reach = np.maximum(max(self.behind, 1.5 * self.grid.spacing), 1.5 * sigma)
        at = [torch.from_numpy(a.astype(np.float32).ravel())[seen.pixel] for a in (frame.depth, cosine, weight, reach)]
        distance = (at[0] - seen.z) * at[1]
        fade = ((distance + at[3]) / (0.5 * at[3])).clamp_(0, 1)
        w = torch.where(seen.inside, at[2] * fade, 0.0)
        self.weight += w
        self.weighted += w * distance.clamp_(max=self.truncation)

    def distance(self) -> Float[Tensor, "x y z"]:
        """The fused distance, metres; 0 where no frame spoke."""
        return torch.where(self.weight > 0, self.weighted / self.weight.clamp_min(1e-12), 0.0)


def incidence(depth: Float[np.ndarray, "height width"], camera: Camera) -> Float[np.ndarray, "height width"]:
    """Point-to-plane distance for each metre along z, |n . ray with z = 1|, in [0.25, 1], from smoothed depth."""
    smooth = cv2.medianBlur(depth.astype(np.float32), 5)
    rays = unnormalized_rays(camera, pixel_centers(camera)).astype(np.float32)
    points = rays * smooth[..., None]
    step = 4
    across, down = np.zeros_like(points), np.zeros_like(points)
    across[:, step:-step] = points[:, 2 * step :] - points[:, : -2 * step]
    down[step:-step] = points[2 * step :] - points[: -2 * step]
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    return np.clip(np.abs((normal * rays).sum(-1)), 0.25, 1.0)
