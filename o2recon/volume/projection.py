"""What one frame says about every voxel: where it projects, how deep it lies, what was measured there."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from o2recon.scene import Scene
from o2recon.types import Camera, Frame, VoxelGrid
from o2recon.volume import projection_kernels as kernels
from o2recon.volume.threads import over_planes


@dataclass(frozen=True)
class Projection:
    """Voxel centres in one image. `pixel` indexes the flattened image, -1 outside it; `z` in metres, and the least
    within the image (inf when there is none)."""

    pixel: Int[np.ndarray, "x y z"]
    z: Float[np.ndarray, "x y z"]
    nearest: float


def project_grid(grid: VoxelGrid, frame: Frame) -> Projection:
    """Project all voxel centres. The projection is affine in the voxel indices before the division, so it costs three
    sums instead of a matrix product per voxel."""
    k, c2w = frame.camera.intrinsics, frame.camera_to_world
    to_pixels = k @ c2w[:3, :3].T
    base = (to_pixels @ (grid.frame.center - c2w[:3, 3])).astype(np.float32)
    steps = to_pixels @ grid.frame.rotation * grid.spacing
    axes = [np.arange(n) - (n - 1) / 2 for n in grid.shape]
    x, y, z = ((steps[:, a, None] * axes[a]).astype(np.float32) for a in range(3))
    pixel, depth = np.empty(grid.shape, np.int32), np.empty(grid.shape, np.float32)
    size = frame.camera.width, frame.camera.height
    found = over_planes(lambda a, b: kernels.project(x + base[:, None], y, z, *size, a, b, pixel, depth), len(pixel))
    return Projection(pixel, depth, min(found))


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
