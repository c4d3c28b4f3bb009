"""World (metres) <-> object frame (unit sphere) <-> voxel indices."""

import cv2
import numpy as np
from jaxtyping import Float

from o2recon.types import ObjectFrame, VoxelGrid


def world_to_object(frame: ObjectFrame, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """Points from world metres into the unit sphere."""
    return (points - frame.center) @ frame.rotation / frame.scale


def object_to_world(frame: ObjectFrame, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """Points from the unit sphere into world metres."""
    return points * frame.scale @ frame.rotation.T + frame.center


def box_of(points: Float[np.ndarray, "points 3"]) -> ObjectFrame:
    """The gravity-aligned box around points whose footprint has the least area; third axis up."""
    _, _, angle = cv2.minAreaRect(points[:, :2].astype(np.float32))
    yaw = np.deg2rad(angle)
    cos, sin = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    local = points @ rotation
    low, high = local.min(0), local.max(0)
    half = np.maximum((high - low) / 2, 1e-3)
    return ObjectFrame(rotation @ ((low + high) / 2), rotation, half)


def grid_over(frame: ObjectFrame, spacing: float) -> VoxelGrid:
    """The smallest grid of `spacing` metres, centred on the box, that covers it."""
    shape = np.maximum(np.ceil(2 * frame.half_extents / spacing - 1e-6).astype(int), 2)
    return VoxelGrid(frame=frame, spacing=float(spacing), shape=(int(shape[0]), int(shape[1]), int(shape[2])))


def voxel_centers(grid: VoxelGrid) -> Float[np.ndarray, "x y z 3"]:
    """World positions of all voxel centres."""
    axes = [(np.arange(n) - (n - 1) / 2) * grid.spacing for n in grid.shape]
    local = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return local @ grid.frame.rotation.T + grid.frame.center


def world_to_voxel(grid: VoxelGrid, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """Continuous voxel indices: voxel (0, 0, 0) has its centre at 0."""
    local = (points - grid.frame.center) @ grid.frame.rotation / grid.spacing
    return local + (np.array(grid.shape) - 1) / 2
