"""How well a texture shows what views saw that it was not made from, beside the vertex colours it replaces."""

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.inpaint import bilinear
from o2recon.mesh import Caster, TexturedMesh
from o2recon.types import ObjectView


def held_out_psnr(
    textured: TexturedMesh,
    mesh: trimesh.Trimesh,
    rgb: UInt8[np.ndarray, "vertices 3"],
    views: Sequence[ObjectView],
) -> dict[str, float | None]:
    """PSNR in dB of unlit renderings on the visible pixels that both meshes cover, all `views` pooled; None for none.

    `texture`: of the textured mesh; `vertices`: of `mesh` with a colour per vertex.
    """
    flat = trimesh.Trimesh(textured.vertices, textured.faces, process=False)
    casters = Caster(flat), Caster(mesh)
    height, width = textured.image.shape[:2]
    wrong, count = np.zeros(2), 0
    for view in views:
        hits = [caster.depth_image(view.camera, view.camera_to_world) for caster in casters]
        both = view.visible & (hits[0][1] >= 0) & (hits[1][1] >= 0)
        seen = view.color[both].astype(float)
        uv = _interpolated(flat, textured.uv, view, hits[0], both) * [width, height]
        shown = (
            bilinear(textured.image, uv[:, 0], uv[:, 1]),
            _interpolated(mesh, rgb.astype(float), view, hits[1], both),
        )
        wrong += [((picture - seen) ** 2).sum() for picture in shown]
        count += seen.size
    if count == 0:
        return {"texture": None, "vertices": None}
    psnr = 10 * np.log10(255**2 / np.maximum(wrong / count, 1e-9))
    return {"texture": round(float(psnr[0]), 3), "vertices": round(float(psnr[1]), 3)}


def _interpolated(
    mesh: trimesh.Trimesh,
    values: Float[np.ndarray, "vertices channels"],
    view: ObjectView,
    hits: tuple[np.ndarray, np.ndarray],
    pixels: np.ndarray,
) -> Float[np.ndarray, "pixels channels"]:
    """Vertex values where the rays of `pixels` meet the mesh."""
    z, face = hits[0][pixels].astype(float), hits[1][pixels]
    points = unproject(view.camera, view.camera_to_world, pixel_centers(view.camera)[pixels], z)
    corners = np.asarray(mesh.faces)[face]
    weights = trimesh.triangles.points_to_barycentric(np.asarray(mesh.vertices)[corners], points)
    weights = np.clip(np.nan_to_num(weights, nan=1 / 3), 0, 1)
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("nc,ncd->nd", weights, values[corners])
