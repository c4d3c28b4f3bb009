"""How a mesh stands: its height above the floor, and whether it would stay where it is. World: metres, +z up."""

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import ConvexHull, QhullError


def floor_gap_cm(mesh: trimesh.Trimesh, floor: float) -> float:
    """Centimetres from the floor (height in metres) to the lowest vertex; negative when it reaches below."""
    return 100 * float(mesh.vertices[:, 2].min() - floor)


def is_stable(mesh: trimesh.Trimesh, *, reach: float) -> bool | None:
    """Whether the centre of mass stands over the convex hull of the support points; None for an open mesh.

    The mass is spread evenly through the volume. Support: vertices less than `reach` metres above the lowest one.
    A point or a line bears nothing.
    """
    if not mesh.is_watertight or not mesh.is_winding_consistent or mesh.volume == 0:
        return None
    low = mesh.vertices[:, 2].min()
    support = np.asarray(mesh.vertices)[mesh.vertices[:, 2] < low + reach, :2]
    return _in_hull(center_of_mass(mesh)[:2], support)


def center_of_mass(mesh: trimesh.Trimesh) -> Float[np.ndarray, "3"]:
    """Volume-weighted mean of the tetrahedra between the faces and the middle of the box."""
    middle = mesh.bounds.mean(0)
    corners = np.asarray(mesh.triangles, dtype=np.float64) - middle
    volume = np.einsum("fd,fd->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    center: np.ndarray = middle + volume @ corners.sum(1) / (4 * volume.sum())
    return center


def _in_hull(point: Float[np.ndarray, "2"], points: Float[np.ndarray, "points 2"]) -> bool:
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):  # fewer than three points, or all on a line
        return False
    return bool((hull.equations[:, :2] @ point + hull.equations[:, 2] <= 0).all())
