"""Area-weighted, seeded samples of a mesh's surface."""

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float


@dataclass(frozen=True)
class Samples:
    """Points on a surface (world, metres) with unit outward normals."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]


def sample_surface(mesh: trimesh.Trimesh, *, count: int, seed: int) -> Samples:
    """`count` points spread evenly by area, with the normals of their faces. ValueError when the mesh has no area."""
    triangles = np.asarray(mesh.triangles, dtype=np.float64)
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    doubled = np.linalg.norm(cross, axis=1)
    total = doubled.sum()
    if not total > 0:
        raise ValueError(f"a mesh of {len(triangles)} faces has no area to sample")
    generator = np.random.default_rng(seed)
    face = np.searchsorted(np.cumsum(doubled), generator.random(count) * total, side="right")
    face = np.minimum(face, len(triangles) - 1)
    u, v = generator.random((2, count, 1))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
    return Samples(a + u * (b - a) + v * (c - a), cross[face] / np.maximum(doubled[face, None], 1e-300))
