"""Where a surface runs through itself."""

from functools import partial

import numpy as np
import trimesh

from o2recon.evaluate import intersection_kernels as kernels
from o2recon.evaluate.tree import build_tree, on_all_cores

_BLOCK = 2048
TOLERANCE = 1e-9
"""Of the mesh's diagonal: what is closer than this touches and does not cross."""


def self_intersections(mesh: trimesh.Trimesh, *, max_faces: int) -> int | None:
    """Number of pairs of faces that share no corner and cross along a segment, or overlap in their common plane.

    Corners at the same place are one, whatever their index. Faces that only touch do not count, nor do faces without
    area. None above `max_faces` faces. Narrow phase: Moeller, A fast triangle-triangle intersection test, 1997.
    """
    if len(mesh.faces) > max_faces:
        return None
    if len(mesh.faces) < 2:
        return 0
    corners = np.ascontiguousarray(mesh.vertices - mesh.bounds.mean(0), dtype=np.float64)
    place = np.unique(corners + 0.0, axis=0, return_inverse=True)[1].reshape(-1)
    faces = np.asarray(mesh.faces)
    triangles = corners[faces]
    size = float(np.linalg.norm(np.ptp(corners, axis=0)))
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    keep = length[:, 0] > (TOLERANCE * size) ** 2
    if np.count_nonzero(keep) < 2:
        return 0
    triangles, normals, names = triangles[keep], normals[keep] / length[keep], place[faces[keep]].astype(np.int64)
    low, high = triangles.min(1), triangles.max(1)
    tree = build_tree(low, high)
    order = tree.order
    arguments = (tree.boxes, tree.leaves, *(np.ascontiguousarray(a[order]) for a in (low, high, triangles, normals)))
    count = len(order)
    found = np.zeros(-(-count // _BLOCK), np.int64)
    blocks = ((k, k * _BLOCK, min((k + 1) * _BLOCK, count)) for k in range(len(found)))
    ids, tolerance = np.ascontiguousarray(names[order]), TOLERANCE * size
    on_all_cores(partial(kernels.count_crossings, *arguments, ids, tolerance, a, b, found, k) for k, a, b in blocks)
    return int(found.sum())
