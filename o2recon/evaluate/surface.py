"""Meshes and point clouds from anybody's files, checked before anything is measured on them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.mesh.export import read_mesh
from o2recon.mesh.load import load_geometry


@dataclass(frozen=True)
class Surface:
    """Scene coordinates, metres. `points`: the vertices as stored. `mesh`: None for a point cloud."""

    points: Float[np.ndarray, "points 3"]
    mesh: trimesh.Trimesh | None


def read_surface(file: Path) -> Surface:
    """A mesh or a point cloud. Vertices at one place are one where the mesh is open otherwise (STL, texture seams).

    ValueError when it is missing, damaged or empty, or when its faces have no area.
    """
    mesh = read_mesh(file, allow_empty=True)
    if len(mesh.faces) == 0:
        return Surface(read_points(file), None)
    points = _checked(file, mesh.vertices)
    if not mesh.area > 0:
        raise ValueError(f"{file} has {len(mesh.faces)} faces without area: write it again")
    if not mesh.is_watertight:
        mesh = mesh.copy()
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return Surface(points, mesh)


def read_points(file: Path) -> Float[np.ndarray, "points 3"]:
    """The vertices of any file as stored, faces or not. ValueError when it is damaged or has none."""
    return _checked(file, getattr(load_geometry(file), "vertices", np.zeros((0, 3))))


def _checked(file: Path, vertices: np.ndarray) -> Float[np.ndarray, "points 3"]:
    points = np.array(vertices, dtype=np.float64).reshape(-1, 3)
    if len(points) == 0:
        raise ValueError(f"{file} holds neither faces nor points")
    return points
