"""Which points of a surface the scan saw, where the truth does not say so itself."""

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, project
from o2recon.mesh.visible import DepthView


def seen_points(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    views: Iterable[DepthView],
    *,
    depth_sigma: Callable[[Float[np.ndarray, "some"]], Float[np.ndarray, "some"]],
    margin: float,
) -> Bool[np.ndarray, "points"]:
    """True for points that some view has in its image, facing the camera, with |z - depth| < margin + 2 sigma.

    World, metres. Depth is the sensor's, of the whole scene; pixels without depth say nothing.
    """
    seen = np.zeros(len(points), bool)
    for view in views:
        facing = np.einsum("nd,nd->n", view.camera_to_world[:3, 3] - points, normals) > 0
        pixels, z = project(view.camera, view.camera_to_world, points)
        index = np.nonzero(~seen & facing & inside_image(view.camera, pixels, z))[0]
        u, v = np.floor(pixels[index]).astype(int).T
        depth = view.depth[v, u]
        seen[index[(depth > 0) & (np.abs(z[index] - depth) < margin + 2 * depth_sigma(z[index]))]] = True
    return seen
