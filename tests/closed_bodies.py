"""Bodies whose volume, mass and inertia are known."""

import numpy as np
import trimesh


def l_shape() -> trimesh.Trimesh:
    """Two boxes as an L of 1 x 0.2 x 1 m, walls 0.2 m thick: not convex, volume 0.072 m3."""
    outline = np.array([[0, 0], [1, 0], [1, 0.2], [0.2, 0.2], [0.2, 1], [0, 1]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]])
    return trimesh.creation.extrude_triangulation(outline, faces, height=0.2)


def dense(mesh: trimesh.Trimesh, edge: float) -> trimesh.Trimesh:
    """The same surface with edges no longer than `edge`."""
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, edge)
    return trimesh.Trimesh(vertices, faces)


def bowl(subdivisions: int) -> trimesh.Trimesh:
    """The lower half of a unit sphere, open at the top."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    return trimesh.Trimesh(sphere.vertices, sphere.faces[sphere.triangles_center[:, 2] < 0])
