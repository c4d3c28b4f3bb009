"""A mesh cut into flat charts, and what each texel of the texture shows."""

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int, Shaped
from scipy import ndimage

from o2recon.mesh import Caster


@dataclass(frozen=True)
class Atlas:
    """World, metres. `uv` from the left and from the top of a texture of `width` x `height` texels, in texels."""

    vertices: Float[np.ndarray, "vertices 3"]
    normals: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "vertices 2"]
    width: int
    height: int


@dataclass(frozen=True)
class Texels:
    """The texels that show the surface (`inside`, row-major): their points and outward unit normals. World, metres."""

    inside: Bool[np.ndarray, "height width"]
    points: Float[np.ndarray, "texels 3"]
    normals: Float[np.ndarray, "texels 3"]


def unwrap(mesh: trimesh.Trimesh, normals: Float[np.ndarray, "vertices 3"], *, resolution: int, padding: int) -> Atlas:
    """Charts by xatlas, packed into about `resolution` texels squared with `padding` texels between them.

    `normals`: unit, one per vertex. ImportError without xatlas.
    """
    try:
        import xatlas
    except ImportError as error:
        raise ImportError("textures need xatlas: pip install 'o2recon[export]'") from error
    atlas = xatlas.Atlas()
    local = (mesh.vertices - mesh.bounds.mean(0)).astype(np.float32)
    atlas.add_mesh(local, mesh.faces.astype(np.uint32), normals.astype(np.float32))
    packing = xatlas.PackOptions()
    packing.resolution, packing.padding, packing.bilinear = resolution, padding, True
    atlas.generate(xatlas.ChartOptions(), packing)
    origin, faces, uv = atlas[0]
    size = np.array([atlas.width, atlas.height])
    return Atlas(np.asarray(mesh.vertices)[origin], normals[origin], faces.astype(np.int64), uv * size, *map(int, size))


def texels_of(atlas: Atlas) -> Texels:
    """What lies under each texel's centre: rays cast at the charts as they lie in the plane."""
    flat = np.concatenate([atlas.uv, np.zeros((len(atlas.uv), 1))], 1)
    caster = Caster(trimesh.Trimesh(flat, atlas.faces, process=False))
    x, y = np.meshgrid(np.arange(atlas.width) + 0.5, np.arange(atlas.height) + 0.5)
    centers = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    above = centers + [0.0, 0.0, 1.0]
    _, face = caster.first_hit(above, np.broadcast_to([0.0, 0.0, -1.0], above.shape))
    hit = face >= 0
    corners = atlas.faces[face[hit]]
    weights = barycentric(atlas.uv[corners], centers[hit, :2])
    normals = np.einsum("nc,ncd->nd", weights, atlas.normals[corners])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    points = np.einsum("nc,ncd->nd", weights, atlas.vertices[corners])
    return Texels(hit.reshape(atlas.height, atlas.width), points, normals)


def barycentric(
    corners: Float[np.ndarray, "points 3 2"], points: Float[np.ndarray, "points 2"]
) -> Float[np.ndarray, "points 3"]:
    """Weights of the corners of plane triangles, clipped to [0, 1]; thirds where a triangle has no area."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = points - corners[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    safe = np.where(np.abs(area) < 1e-12, np.inf, area)
    v = (p[:, 0] * b[:, 1] - p[:, 1] * b[:, 0]) / safe
    w = (a[:, 0] * p[:, 1] - a[:, 1] * p[:, 0]) / safe
    weights = np.clip(np.stack([1 - v - w, v, w], -1), 0, 1)
    weights[~np.isfinite(safe)] = 1 / 3
    return weights / weights.sum(1, keepdims=True)


def filled(image: Shaped[np.ndarray, "height width c"], inside: Bool[np.ndarray, "height width"]) -> np.ndarray:
    """The image with every texel outside the charts taken from the nearest one inside: no seams when filtered."""
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return image[tuple(nearest)]
