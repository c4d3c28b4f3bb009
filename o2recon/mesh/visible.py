"""The part of a mesh that some camera saw: hidden neither by the mesh itself nor by the rest of the scene."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, project
from o2recon.mesh.clean import kept_faces
from o2recon.mesh.raycast import Caster
from o2recon.types import Camera


@dataclass(frozen=True)
class DepthView:
    """A camera with the sensor depth of the whole scene, metres (z), 0 where none. World, OpenCV camera-to-world."""

    camera: Camera
    camera_to_world: Float[np.ndarray, "4 4"]
    depth: Float[np.ndarray, "height width"]


def visible_faces(
    mesh: trimesh.Trimesh,
    views: Iterable[DepthView],
    *,
    depth_sigma: Callable[[Float[np.ndarray, "points"]], Float[np.ndarray, "points"]],
    margin: float,
    caster: Caster | None = None,
) -> Bool[np.ndarray, "faces"]:
    """True for faces that some view saw: a ray from it meets them first and z <= sensor depth + margin + 2 sigma.

    Rays go through all pixel centres (large faces) and to all face centres (faces smaller than a pixel). Pixels
    without sensor depth say nothing. `caster`: that of `mesh`, to use it again.
    """
    caster = caster or Caster(mesh)
    centers, normals = np.asarray(mesh.triangles_center), np.asarray(mesh.face_normals)
    seen = np.zeros(len(mesh.faces), bool)
    for view in views:
        position = view.camera_to_world[:3, 3]
        z, face = caster.depth_image(view.camera, view.camera_to_world)
        clear = (face >= 0) & (view.depth > 0)
        clear[clear] = z[clear] <= view.depth[clear] + margin + 2 * depth_sigma(z[clear])
        facing = np.einsum("nd,nd->n", position - centers, normals) > 0
        met = np.zeros(len(seen), bool)
        met[face[clear]] = True
        seen |= met & facing
        index = np.nonzero(facing & ~seen)[0]
        pixels, z_center = project(view.camera, view.camera_to_world, centers[index])
        inside = inside_image(view.camera, pixels, z_center)
        index, z_center = index[inside], z_center[inside]
        u, v = np.floor(pixels[inside]).astype(int).T
        depth = view.depth[v, u]
        index = index[(depth > 0) & (z_center <= depth + margin + 2 * depth_sigma(z_center))]
        _, hit = caster.first_hit(np.broadcast_to(position, (len(index), 3)), centers[index] - position)
        seen[index[hit == index]] = True
    return seen


def visible_part(
    mesh: trimesh.Trimesh,
    views: Iterable[DepthView],
    *,
    depth_sigma: Callable[[Float[np.ndarray, "points"]], Float[np.ndarray, "points"]],
    margin: float,
) -> trimesh.Trimesh:
    """The open mesh of the faces that some view saw, with the vertices' colours and attributes."""
    return kept_faces(mesh, visible_faces(mesh, views, depth_sigma=depth_sigma, margin=margin))
