"""Depth and normals of the whole object in a view: measured where visible, completed where hidden."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.masks import harmonic_depth, harmonic_fill
from o2recon.types import Camera


@dataclass(frozen=True)
class CompletedGeometry:
    """`depth`: the object's own z in metres, 0 = unknown. `normal`: camera frame, unit, only where hidden."""

    depth: Float[np.ndarray, "height width"]
    normal: Float[np.ndarray, "height width 3"]


def complete_geometry(
    sensor_depth: Float[np.ndarray, "height width"],
    visible: Bool[np.ndarray, "height width"],
    hidden: Bool[np.ndarray, "height width"],
    surface_depth: Float[np.ndarray, "height width"],
    surface_normal: Float[np.ndarray, "height width 3"],
    floor_depth: Float[np.ndarray, "height width"],
) -> CompletedGeometry:
    """The completed surface where a hidden pixel hits it behind what covers it; a membrane between all of it elsewhere.

    `floor_depth`: a hidden pixel's surface is at least this far (the occluder's depth and margin; 0 = no bound), and
    membrane pixels nearer than it are moved there.
    """
    measured = visible & (sensor_depth > 0)
    hit = hidden & (surface_depth > 0) & (surface_depth >= floor_depth)
    depth = np.where(measured, sensor_depth, np.where(hit, surface_depth, 0)).astype(np.float32)
    normal = np.where(hit[..., None], surface_normal, 0).astype(np.float32)
    gap = hidden & ~hit
    if not gap.any():
        return CompletedGeometry(depth, normal)
    depth = harmonic_depth(depth, depth > 0, gap)
    depth = np.where(gap & (depth > 0), np.maximum(depth, floor_depth), depth).astype(np.float32)
    filled = harmonic_fill(normal, (normal != 0).any(-1), gap)
    length = np.linalg.norm(filled, axis=-1, keepdims=True)
    normal = np.where(length > 0.1, filled / np.maximum(length, 1e-9), 0).astype(np.float32)
    return CompletedGeometry(depth, normal)


def replaced_geometry(
    geometry: CompletedGeometry,
    camera: Camera,
    depth: Float[np.ndarray, "height width"],
    where: Bool[np.ndarray, "height width"],
    nearest: Float[np.ndarray, "height width"],
) -> CompletedGeometry:
    """`geometry` with another depth (z, metres, 0 = no opinion) on the pixels of `where`, and that depth's normals.

    No pixel comes nearer than `nearest`; where the normal of the new depth is unknown, the old one stays.
    """
    given = where & (depth > 0)
    merged = np.where(given, np.maximum(depth, nearest), geometry.depth).astype(np.float32)
    slopes = depth_normals(merged, camera)
    use = given & (slopes != 0).any(-1)
    return CompletedGeometry(merged, np.where(use[..., None], slopes, geometry.normal).astype(np.float32))


def depth_normals(depth: Float[np.ndarray, "height width"], camera: Camera) -> Float[np.ndarray, "height width 3"]:
    """Unit normals (camera frame, facing the camera) from central differences of the surface; 0 next to no depth."""
    points = unnormalized_rays(camera, pixel_centers(camera)) * depth[..., None]
    down, across = np.gradient(points, axis=(0, 1))
    normal = np.cross(across, down)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = np.where(length > 0, normal / np.maximum(length, 1e-12), 0)
    normal *= np.where((normal * points).sum(-1, keepdims=True) > 0, -1, 1)
    known = np.pad(depth > 0, 1)
    whole = known[1:-1, 1:-1] & known[:-2, 1:-1] & known[2:, 1:-1] & known[1:-1, :-2] & known[1:-1, 2:]
    return np.where(whole[..., None], normal, 0).astype(np.float32)
