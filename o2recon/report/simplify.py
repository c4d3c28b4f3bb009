"""Fewer faces for the page: vertices of one grid cell become one, at the place that keeps planes and edges.

Edge collapse would leave flat parts a few large triangles, with too few vertices to carry colours of evidence or error;
cells keep the vertices evenly spread.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped


@dataclass(frozen=True)
class Simplified:
    """`cluster[i]` is the new vertex of old vertex i."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    cluster: Int[np.ndarray, "old_vertices"]


def simplify(vertices: Float[np.ndarray, "old 3"], faces: Int[np.ndarray, "old_faces 3"], max_faces: int) -> Simplified:
    """At most `max_faces` faces by quadric vertex clustering (Lindstrom, Out-of-core simplification, 2000).

    Meshes that are small enough come back as they are. The cell grows until the count fits; topology may change where
    parts are thinner than a cell.
    """
    if len(faces) <= max_faces:
        return Simplified(vertices, faces, np.arange(len(vertices)))
    triangles = vertices[faces]
    area = 0.5 * np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    cell = float(np.sqrt(2 * max(area.sum(), 1e-12) / max_faces))
    while True:
        cluster, new_faces = _cluster(vertices, faces, cell)
        if len(new_faces) <= max_faces:
            break
        cell *= max(1.03, float(np.sqrt(len(new_faces) / max_faces)))
    return Simplified(_place(vertices, faces, cluster, cell), new_faces, cluster)


def cluster_mean(
    values: Shaped[np.ndarray, "old channels"], cluster: Int[np.ndarray, "old"]
) -> Float[np.ndarray, "new channels"]:
    """Mean of per-vertex values over each new vertex."""
    count = np.maximum(np.bincount(cluster), 1)
    return np.stack([np.bincount(cluster, weights=column) for column in values.T.astype(float)], -1) / count[:, None]


def _cluster(vertices: np.ndarray, faces: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    keys = np.floor((vertices - vertices.min(0)) / cell).astype(np.int64)
    size = keys.max(0) + 1
    cluster = np.unique((keys[:, 0] * size[1] + keys[:, 1]) * size[2] + keys[:, 2], return_inverse=True)[1].ravel()
    new = cluster[faces]
    new = new[(new[:, 0] != new[:, 1]) & (new[:, 1] != new[:, 2]) & (new[:, 2] != new[:, 0])]
    ordered = np.take_along_axis(new, (new.argmin(1)[:, None] + np.arange(3)) % 3, 1)
    code = (ordered[:, 0] * (cluster.max() + 1) + ordered[:, 1]) * (cluster.max() + 1) + ordered[:, 2]
    return cluster, ordered[np.sort(np.unique(code, return_index=True)[1])]


def _place(vertices: np.ndarray, faces: np.ndarray, cluster: np.ndarray, cell: float) -> np.ndarray:
    """Per cluster the point nearest to its faces' planes, drawn slightly to the mean: so it is always determined."""
    mean = cluster_mean(vertices, cluster)
    triangles = vertices[faces]
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    area = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(area, 1e-20)[:, None]
    matrix = np.zeros((len(mean), 3, 3))
    right = np.zeros((len(mean), 3))
    for corner in range(3):
        target = cluster[faces[:, corner]]
        offset = area * np.einsum("ij,ij->i", normals, triangles[:, 0] - mean[target])
        for i in range(3):
            right[:, i] += np.bincount(target, offset * normals[:, i], len(mean))
            for j in range(3):
                matrix[:, i, j] += np.bincount(target, area * normals[:, i] * normals[:, j], len(mean))
    pull = 0.02 * np.trace(matrix, axis1=1, axis2=2) + 1e-12
    shift = np.linalg.solve(matrix + pull[:, None, None] * np.eye(3), right[..., None])[..., 0]
    return mean + np.clip(shift, -0.5 * cell, 0.5 * cell)
