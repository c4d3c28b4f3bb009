"""What each vertex rests on: seen by a camera, in-painted with some confidence, or guessed by the smooth field."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from o2recon.cameras import inside_image, project
from o2recon.types import ObjectView

SEEN, INPAINTED, GUESSED = 2, 1, 0
_COLORS = np.array([[214, 96, 77], [244, 196, 96], [70, 140, 200]], np.uint8)


@dataclass(frozen=True)
class Evidence:
    """Per vertex: `value` in [0, 1] (1 seen, the confidence where in-painted, 0 guessed) and `source` (2, 1, 0)."""

    value: Float[np.ndarray, "vertices"]
    source: UInt8[np.ndarray, "vertices"]

    @property
    def colors(self) -> UInt8[np.ndarray, "vertices 3"]:
        """Blue seen, yellow in-painted, red guessed."""
        return _COLORS[self.source]


def vertex_evidence(
    mesh: trimesh.Trimesh,
    views: Iterable[ObjectView],
    *,
    depth_sigma: Callable[[Float[np.ndarray, "points"]], Float[np.ndarray, "points"]],
    margin: float,
) -> Evidence:
    """Evidence of every vertex of `mesh` (world, metres) from the prepared views.

    A vertex counts in a view when it faces the camera, falls into the image and |z - object_depth| < margin + 2 sigma;
    it is seen when that pixel is visible, in-painted when it is hidden (claimed). The best view decides.
    """
    vertices, normals = np.asarray(mesh.vertices), np.asarray(mesh.vertex_normals)
    value = np.zeros(len(vertices), np.float32)
    source = np.zeros(len(vertices), np.uint8)
    for view in views:
        index = np.nonzero(np.einsum("nd,nd->n", view.camera_to_world[:3, 3] - vertices, normals) > 0)[0]
        pixels, z = project(view.camera, view.camera_to_world, vertices[index])
        inside = inside_image(view.camera, pixels, z)
        index, z = index[inside], z[inside]
        u, v = np.floor(pixels[inside]).astype(int).T
        depth = view.object_depth[v, u]
        near = (depth > 0) & (np.abs(z - depth) < margin + 2 * depth_sigma(z))
        index, u, v = index[near], u[near], v[near]
        seen = view.visible[v, u]
        claimed = np.where(view.hidden[v, u], view.confidence[v, u], 0)
        value[index] = np.maximum(value[index], np.where(seen, 1.0, claimed))
        source[index] = np.maximum(source[index], np.where(seen, SEEN, np.where(claimed > 0, INPAINTED, GUESSED)))
    return Evidence(value, source)


def area_shares(mesh: trimesh.Trimesh, evidence: Evidence) -> dict[str, float]:
    """Shares of the surface's area that are seen, in-painted and guessed; they sum to 1."""
    area = np.repeat(np.asarray(mesh.area_faces) / 3, 3)
    total = np.bincount(evidence.source[np.asarray(mesh.faces).reshape(-1)], area, minlength=3).astype(float)
    total /= max(float(total.sum()), 1e-12)
    return {"seen": float(total[SEEN]), "inpainted": float(total[INPAINTED]), "guessed": float(total[GUESSED])}
