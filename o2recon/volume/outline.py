"""The convex hull of what was seen: unseen parts rarely stick out of it."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import label
from scipy.spatial import ConvexHull, QhullError

from o2recon.transforms import voxel_centers
from o2recon.types import VoxelGrid


def outside_hull(
    grid: VoxelGrid,
    surface: Bool[np.ndarray, "x y z"],
    floor: float | None,
    *,
    floor_reach: float,
    limit: float = 0.1,
) -> Float[np.ndarray, "x y z"]:
    """Distance (metres, at most `limit`) of each voxel from the convex hull of the large pieces of seen surface.

    The hull reaches down to the floor (world height, metres) when it ends less than `floor_reach` metres above it.
    """
    pieces, _ = label(surface, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    centers = voxel_centers(grid).astype(np.float32)
    points = centers[sizes[pieces] > max(20, 0.01 * sizes.sum())]
    if floor is not None and len(points) and points[:, 2].min() - floor < floor_reach:
        down = points.copy()
        down[:, 2] = min(floor, points[:, 2].min())
        points = np.concatenate([points, down])
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return np.zeros(grid.shape, np.float32)
    distance = np.full(grid.shape, -np.inf, np.float32)
    for plane in np.unique(np.round(hull.equations, 3), axis=0).astype(np.float32):
        np.maximum(distance, centers @ plane[:3] + plane[3], out=distance)
    return np.clip(distance, 0, limit)
