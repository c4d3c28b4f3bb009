"""What one frame says about every voxel: where it projects, how deep it lies, what was measured there."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from o2recon.scene import Scene
from o2recon.types import Camera, Frame, VoxelGrid


@dataclass(frozen=True)
class Projection:
    """Voxel centres in one image. `pixel` indexes the flattened image, 0 where `inside` is False; `z` in metres."""

    pixel: Int[Tensor, "x y z"]
    z: Float[Tensor, "x y z"]
    inside: Bool[Tensor, "x y z"]


def project_grid(grid: VoxelGrid, frame: Frame) -> Projection:
    """Project all voxel centres. The projection is affine in the voxel indices before the division, so it costs three
    broadcast sums instead of a matrix product per voxel."""
    k, c2w = frame.camera.intrinsics, frame.camera_to_world
    to_pixels = k @ c2w[:3, :3].T
    base = to_pixels @ (grid.frame.center - c2w[:3, 3])
    steps = to_pixels @ grid.frame.rotation * grid.spacing
    axes = [np.arange(n) - (n - 1) / 2 for n in grid.shape]
    rows = []
    for row in range(3):
        x, y, z = (torch.from_numpy((axes[a] * steps[row, a]).astype(np.float32)) for a in range(3))
        rows.append((x[:, None, None] + float(base[row])) + y[None, :, None] + z[None, None, :])
    depth = rows[2]
    inverse = 1 / depth.clamp_min(1e-6)
    u, v = (rows[0] * inverse).floor_(), (rows[1] * inverse).floor_()
    width, height = frame.camera.width, frame.camera.height
    inside = (depth > 1e-3) & (u >= 0) & (v >= 0) & (u < width) & (v < height)
    pixel = torch.where(inside, v * width + u, 0.0).to(torch.int64)
    return Projection(pixel, depth, inside)


def frames_facing(scene: Scene, grid: VoxelGrid) -> list[int]:
    """Frames into which some part of the grid may project; the others need not be read."""
    return [index for index in scene.indices if _may_be_seen(grid, scene.camera, scene.poses[index])]


def _may_be_seen(grid: VoxelGrid, camera: Camera, c2w: Float[np.ndarray, "4 4"]) -> bool:
    """False when no point of the grid's bounding sphere can project into the image: the frame can be skipped."""
    center = c2w[:3, :3].T @ (grid.frame.center - c2w[:3, 3])
    radius = grid.frame.scale
    if center[2] < -radius:
        return False
    k = camera.intrinsics
    corners = np.array([[0, 0], [camera.width, 0], [camera.width, camera.height], [0, camera.height]], float)
    rays = np.stack([(corners[:, 0] - k[0, 2]) / k[0, 0], (corners[:, 1] - k[1, 2]) / k[1, 1], np.ones(4)], -1)
    inward = np.cross(rays, np.roll(rays, -1, 0))
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    inward *= np.sign(inward @ np.array([0, 0, 1.0]))[:, None]
    return bool((inward @ center > -radius).all())
