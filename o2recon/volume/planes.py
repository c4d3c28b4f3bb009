"""Flat parts go on where something covers them: a table top under a box that stands on it, a seat under a table."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label
from scipy.spatial import ConvexHull, QhullError

from o2recon.types import VoxelGrid


@dataclass(frozen=True)
class FlatPart:
    """A connected piece of seen surface in one plane, in voxel units: normal . x = offset, normal pointing outward."""

    normal: Float[np.ndarray, "3"]
    offset: float
    voxels: Int[np.ndarray, "voxels 3"]


class PlaneSearch:
    """Finds the flat parts of a seen surface by RANSAC, largest first, and continues them.

    A voxel belongs to a plane within `tolerance` metres and `max_angle` degrees. A part counts from `min_area` square
    metres and `min_share` of the whole seen surface. A continued part is `thickness` metres thick.
    """

    def __init__(
        self,
        *,
        tolerance: float,
        max_angle: float,
        min_area: float,
        min_share: float,
        thickness: float,
        max_planes: int,
    ):
        self.tolerance, self.max_angle = tolerance, max_angle
        self.min_area, self.min_share, self.thickness = min_area, min_share, thickness
        self.max_planes = max_planes

    def __call__(
        self, grid: VoxelGrid, surface: Bool[np.ndarray, "x y z"], distance: Float[np.ndarray, "x y z"]
    ) -> list[FlatPart]:
        """`surface`: voxels on the seen surface; `distance`: fused signed distance around them, metres."""
        voxels = np.argwhere(surface)
        slopes = np.stack(np.gradient(distance), -1)[surface]
        normals = slopes / (np.linalg.norm(slopes, axis=-1, keepdims=True) + 1e-12)
        positions = voxels - normals * (distance[surface] / grid.spacing)[:, None]
        least = max(self.min_area / grid.spacing**2, self.min_share * len(voxels))
        rng, left, parts = np.random.default_rng(0), np.arange(len(voxels)), []
        for _ in range(self.max_planes):
            if len(left) < least:
                break
            inliers, normal, offset = self._largest(positions[left], normals[left], grid.spacing, rng)
            if len(inliers) < least:
                break
            parts += _connected(voxels[left[inliers]], normal, offset, surface.shape, least)
            left = np.delete(left, inliers)
        return parts

    def _largest(
        self, positions: np.ndarray, normals: np.ndarray, spacing: float, rng: np.random.Generator, tries: int = 150
    ) -> tuple[Int[np.ndarray, "inliers"], Float[np.ndarray, "3"], float]:
        """The plane with most voxels among random ones, refitted once."""
        some = rng.permutation(len(positions))[:4000]
        p, n = positions[some], normals[some]
        seeds = rng.choice(len(some), min(tries, len(some)), replace=False)
        near = np.abs(p @ n[seeds].T - (p[seeds] * n[seeds]).sum(-1)) < self.tolerance / spacing
        votes = (near & (n @ n[seeds].T > np.cos(np.radians(self.max_angle)))).sum(0)
        seed = seeds[votes.argmax()]
        normal, offset = n[seed], float(p[seed] @ n[seed])
        inliers = self._members(positions, normals, normal, offset, spacing)
        center = positions[inliers].mean(0)
        fitted = np.linalg.svd(positions[inliers][:20000] - center, full_matrices=False)[2][2]
        fitted *= np.sign(fitted @ normal)
        offset = float(center @ fitted)
        return self._members(positions, normals, fitted, offset, spacing), fitted, offset

    def _members(self, positions, normals, normal, offset: float, spacing: float) -> Int[np.ndarray, "inliers"]:
        near = np.abs(positions @ normal - offset) < self.tolerance / spacing
        return np.flatnonzero(near & (normals @ normal > np.cos(np.radians(self.max_angle))))

    def continued(self, grid: VoxelGrid, parts: list[FlatPart]) -> Bool[np.ndarray, "x y z"]:
        """Voxels just behind the planes, inside the convex outline of each part."""
        inside = np.zeros(grid.shape, bool)
        for part in parts:
            low = np.maximum(part.voxels.min(0) - 3, 0)
            high = np.minimum(part.voxels.max(0) + 4, grid.shape)
            points = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1)
            height = points @ part.normal - part.offset
            slab = (height < -0.2) & (height > -max(self.thickness / grid.spacing, 1.3))
            slab[slab] = _inside_outline(part, points[slab])
            region = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            inside[region] |= slab
        return inside


def _connected(
    voxels: Int[np.ndarray, "voxels 3"], normal: np.ndarray, offset: float, shape: tuple[int, ...], least: float
) -> list[FlatPart]:
    """The connected pieces of a plane's voxels that are large enough."""
    mask = np.zeros(shape, bool)
    mask[tuple(voxels.T)] = True
    pieces, _ = label(mask, np.ones((3, 3, 3)))
    of_voxel = pieces[tuple(voxels.T)]
    counts = np.bincount(of_voxel)
    return [FlatPart(normal, offset, voxels[of_voxel == k]) for k in range(1, len(counts)) if counts[k] >= least]


def _inside_outline(part: FlatPart, points: Int[np.ndarray, "points 3"]) -> Bool[np.ndarray, "points"]:
    """True where a point lies within the convex hull of the part, both seen along its normal."""
    axes = np.linalg.svd(part.normal[None])[2][1:]
    try:
        hull = ConvexHull(part.voxels @ axes.T)
    except (QhullError, ValueError):
        return np.zeros(len(points), bool)
    flat = points @ axes.T
    return (flat @ hull.equations[:, :2].T + hull.equations[:, 2] <= 0.5).all(-1)
