"""Vertex colours of meshes that have no colour field: from the pixels in which they were seen."""

from collections.abc import Callable

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import cKDTree

from o2recon.cameras import inside_image, project
from o2recon.mesh import set_colors
from o2recon.types import ViewRecord
from o2recon.workspace import ObjectFolder, read_image


def colored_by_views(
    mesh: trimesh.Trimesh,
    folder: ObjectFolder,
    *,
    depth_sigma: Callable[[Float[np.ndarray, "points"]], Float[np.ndarray, "points"]],
    margin: float,
) -> trimesh.Trimesh:
    """The mesh (world, metres) with the weighted mean colour of the pixels that show each vertex; grey without any.

    Views: the chosen ones less the held-out ones, as in training. A pixel counts when it has the object's id and its
    depth is within `margin` + 2 sigma of the vertex; its weight is (cosine / z)^2. A vertex that no view shows takes
    the colour of the nearest one that some view shows.
    """
    total, weight = np.zeros((len(mesh.vertices), 3)), np.zeros(len(mesh.vertices))
    for view in folder.read_record().views:
        if not view.held_out:
            _add(mesh, folder, view, depth_sigma, margin, total, weight)
    rgb = np.full_like(total, 128)
    seen = weight > 0
    if seen.any():
        rgb[seen] = total[seen] / weight[seen, None]
        _, nearest = cKDTree(mesh.vertices[seen]).query(mesh.vertices[~seen])
        rgb[~seen] = rgb[seen][nearest]
    set_colors(mesh, (rgb + 0.5).astype(np.uint8))
    return mesh


def _add(
    mesh: trimesh.Trimesh,
    folder: ObjectFolder,
    view: ViewRecord,
    depth_sigma: Callable[[np.ndarray], np.ndarray],
    margin: float,
    total: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Add what one view shows of the mesh to the sums of colours and of weights."""
    towards = view.camera_to_world[:3, 3] - mesh.vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = np.einsum("nd,nd->n", towards, mesh.vertex_normals)
    index = np.nonzero(cosine > 0.05)[0]
    pixels, z = project(view.camera, view.camera_to_world, mesh.vertices[index])
    inside = inside_image(view.camera, pixels, z)
    index, z = index[inside], z[inside]
    u, v = np.floor(pixels[inside]).astype(int).T
    depth = folder.read_depth("depth", view.index)[v, u]
    near = folder.read_mask("masks/visible", view.index)[v, u] & (np.abs(depth - z) < margin + 2 * depth_sigma(z))
    index, u, v = index[near], u[near], v[near]
    share = (cosine[index] / z[near]) ** 2
    total[index] += share[:, None] * read_image(folder.image("images", view.index))[v, u]
    weight[index] += share
