"""Which way is up in a capture that does not say: from its cameras, then from its horizontal surfaces."""

import logging
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera

COLUMNS = 60
"""Pixels used per row of a depth image."""
LEVEL = 0.3
"""Cameras whose mean up vector is shorter than this were held every way."""
ROLL_SHARE = 0.2
"""Cameras were held level, but for this variance of their horizontal axes out of the level, relative to that in it."""
SEARCH_DEGREES = (30.0, 15.0, 8.0, 4.0, 3.0)
"""Surfaces that lean by less than this from the estimate so far are taken as horizontal, one after the other."""
MIN_SHARE = 0.02
"""Horizontal surfaces must be this share of all that was seen before they correct the cameras."""

log = logging.getLogger(__name__)


def checked_up(up: object) -> Float[np.ndarray, "3"]:
    """`up` of the config as a unit vector. ValueError when it is none."""
    try:
        vector = np.array([float(x) for x in up])  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        vector = np.zeros(0)
    if vector.shape != (3,) or not np.isfinite(vector).all() or not np.linalg.norm(vector) > 0:
        raise ValueError(f"scene.up is {up}; it must be auto or a direction of the capture's world such as [0, 0, 1]")
    return np.asarray(vector / float(np.linalg.norm(vector)))


def upright(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that takes `up`, a vector of any length, to +z; exact where it is an axis."""
    x, y, z = up / np.linalg.norm(up)
    if z < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0, 0, -x], [0, 0, -y], [x, y, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + z))


def up_of_cameras(poses: Float[np.ndarray, "frames 4 4"], name: str) -> Float[np.ndarray, "3"]:
    """What is perpendicular to the images' lower edges where those say it, else the mean direction of the left edges.

    The first needs cameras that were held level and turned; unlike the second it does not mind that all look down from
    one side. ValueError when the cameras were held every way.
    """
    mean = -poses[:, :3, 1].mean(0)
    length = float(np.linalg.norm(mean))
    if length < LEVEL:
        raise ValueError(
            f"{name} does not say which way is up, and its cameras were held every way: set scene.up to the direction"
            " that is up in its world, such as scene.up=[0,0,1]"
        )
    mean = mean / length
    spread, axes = np.linalg.eigh(np.einsum("ni,nj->ij", poses[:, :3, 0], poses[:, :3, 0]) / len(poses))
    level = axes[:, 0] * np.sign(axes[:, 0] @ mean)
    turned = spread[0] < ROLL_SHARE * spread[1] and level @ mean > 0.5
    return np.asarray(level if turned else mean)


def up_of_surfaces(
    up: Float[np.ndarray, "3"], views: Iterable[tuple[Camera, np.ndarray, np.ndarray]]
) -> Float[np.ndarray, "3"]:
    """`up` turned to the mean normal of the surfaces seen that are nearly horizontal; itself when there are too few.

    `views`: camera, camera_to_world and depth (any unit) of single frames.
    """
    found = [_normals(*view) for view in views]
    normals = np.concatenate(found) if found else np.zeros((0, 3))
    for degrees in SEARCH_DEGREES:
        cosine = normals @ up
        level = np.abs(cosine) > np.cos(np.radians(degrees))
        if level.sum() <= MIN_SHARE * len(normals):
            return up
        mean = (normals[level] * np.sign(cosine[level])[:, None]).mean(0)
        up = np.asarray(mean / np.linalg.norm(mean))
    return up


def told(up: Float[np.ndarray, "3"], cameras: Float[np.ndarray, "3"], name: str) -> None:
    """Log what was taken."""
    turned = np.degrees(np.arccos(np.clip(up @ cameras, -1, 1)))
    log.info(
        "%s does not say which way is up: [%.4f, %.4f, %.4f] is taken (the cameras', turned by %.1f degrees to that of"
        " the horizontal surfaces); scene.up=[x,y,z] sets it",
        *(name, *up, turned),
    )


def _normals(camera: Camera, camera_to_world: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Unit normals, world, of a sparse grid of pixels that lie on a surface with their neighbours."""
    stride = max(camera.width // COLUMNS, 1)
    sparse = slice(stride // 2, None, stride)
    z = depth[sparse, sparse].astype(float)
    points = unnormalized_rays(camera, pixel_centers(camera)[sparse, sparse]) * z[..., None]
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    normal = np.cross(down, right)
    length = np.linalg.norm(normal, axis=-1)
    corners = np.stack([z[:-1, :-1], z[:-1, 1:], z[1:, :-1]])
    valid = (corners.min(0) > 0) & (np.ptp(corners, axis=0) < 0.05 * corners.max(0)) & (length > 0)
    return np.asarray(normal[valid] / length[valid, None] @ camera_to_world[:3, :3].T)
