"""Read values between voxel centres."""

import numpy as np
from jaxtyping import Float, Shaped
from scipy.ndimage import map_coordinates

from o2recon.transforms import world_to_voxel
from o2recon.types import VoxelGrid


def sample(
    values: Shaped[np.ndarray, "x y z"], grid: VoxelGrid, points: Float[np.ndarray, "*shape 3"]
) -> Float[np.ndarray, "*shape"]:
    """Trilinear values at world points; outside the grid the nearest border value."""
    voxel = world_to_voxel(grid, points)
    flat = map_coordinates(
        values.astype(np.float32), voxel.reshape(-1, 3).T.astype(np.float32), order=1, mode="nearest"
    )
    return flat.reshape(points.shape[:-1])
