"""Smaller meshes for the page: quadric decimation that must not open a closed mesh."""

import logging

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from o2recon.mesh.color import set_colors, stored_colors

_LOG = logging.getLogger(__name__)


def decimate(mesh: trimesh.Trimesh, *, max_faces: int) -> trimesh.Trimesh:
    """At most about `max_faces` faces, colours from the nearest old vertex. A small enough mesh comes back as is.

    Where the result of a closed mesh is not closed, twice as many faces are tried, in the end the mesh as it was
    (logged).
    """
    closed = bool(mesh.is_watertight)
    target = max_faces
    while target < len(mesh.faces):
        smaller = mesh.simplify_quadric_decimation(face_count=target)
        smaller = trimesh.Trimesh(smaller.vertices, smaller.faces, process=False)
        if not closed or (smaller.is_watertight and smaller.volume > 0):
            return _with_attributes_of(mesh, smaller)
        target *= 2
    if len(mesh.faces) > max_faces:
        _LOG.warning("decimation to %d faces would open the mesh: it stays at %d", max_faces, len(mesh.faces))
    return mesh


def _with_attributes_of(mesh: trimesh.Trimesh, smaller: trimesh.Trimesh) -> trimesh.Trimesh:
    _, nearest = cKDTree(np.asarray(mesh.vertices)).query(np.asarray(smaller.vertices), workers=-1)
    rgb = stored_colors(mesh)
    if rgb is not None:
        set_colors(smaller, rgb[nearest])
    smaller.vertex_attributes.update(
        {name: np.asarray(value)[nearest] for name, value in mesh.vertex_attributes.items()}
    )
    return smaller
