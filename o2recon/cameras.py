"""Pinhole maths in OpenCV axes (+x right, +y down, +z forward), pixel centres at +0.5."""

import numpy as np
from jaxtyping import Bool, Float

from o2recon.types import Camera


def pixel_centers(camera: Camera) -> Float[np.ndarray, "height width 2"]:
    """(u, v) of every pixel's centre."""
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    return np.stack([u, v], -1)


def unnormalized_rays(camera: Camera, pixels: Float[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape 3"]:
    """Camera-frame rays with z = 1 through pixel positions, so that ray * depth is the point."""
    k = camera.intrinsics
    y = (pixels[..., 1] - k[1, 2]) / k[1, 1]
    x = (pixels[..., 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
    return np.stack([x, y, np.ones_like(x)], -1)


def unproject(
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    pixels: Float[np.ndarray, "*shape 2"],
    depth: Float[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape 3"]:
    """World points of pixel positions at z-depth `depth` (metres)."""
    points = unnormalized_rays(camera, pixels) * depth[..., None]
    return points @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]


def project(
    camera: Camera, camera_to_world: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "*shape 3"]
) -> tuple[Float[np.ndarray, "*shape 2"], Float[np.ndarray, "*shape"]]:
    """Pixel positions and z-depth (metres) of world points. Positions are meaningless where z <= 0."""
    local = (points - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
    z = local[..., 2]
    safe = np.where(np.abs(z) < 1e-9, 1e-9, z)
    pixels = (local / safe[..., None]) @ camera.intrinsics.T
    return pixels[..., :2], z


def inside_image(
    camera: Camera, pixels: Float[np.ndarray, "*shape 2"], z: Float[np.ndarray, "*shape"]
) -> Bool[np.ndarray, "*shape"]:
    """True where a projected point is in front of the camera and within the image."""
    u, v = pixels[..., 0], pixels[..., 1]
    return (z > 1e-6) & (u >= 0) & (v >= 0) & (u < camera.width) & (v < camera.height)
