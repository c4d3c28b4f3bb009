"""The completed surface of an object as a camera would see it, and whether permitted volume lies behind a depth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import unnormalized_rays
from o2recon.transforms import world_to_voxel
from o2recon.types import Camera, Volume
from o2recon.volume.tracing import any_beyond, first_crossings


@dataclass(frozen=True)
class SeenSurface:
    """`depth`: z in metres, 0 = nothing is hit. `normal`: camera frame, unit, facing the camera, 0 = nothing is hit.
    `evidence`: that of the volume at the hit."""

    depth: Float[np.ndarray, "height width"]
    normal: Float[np.ndarray, "height width 3"]
    evidence: Float[np.ndarray, "height width"]


def seen_surface(
    volume: Volume,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    wanted: Bool[np.ndarray, "height width"],
) -> SeenSurface:
    """The first crossing of the rays of `wanted` pixels with the zero level of `volume.sdf`; others are a miss."""
    rays = _Rays.through(volume, camera, camera_to_world, wanted)
    count = len(rays.index)
    distance, seen = np.zeros(count, np.float32), np.zeros(count, np.float32)
    gradient = np.zeros((count, 3), np.float32)
    first_crossings(
        volume.sdf.astype(np.float32, copy=False),
        volume.evidence.astype(np.float32, copy=False),
        rays.start,
        rays.steps,
        rays.near,
        rays.far,
        volume.grid.spacing,
        distance,
        gradient,
        seen,
    )
    normal = gradient @ volume.grid.frame.rotation.T @ camera_to_world[:3, :3]
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    directions = rays.directions
    normal *= -np.sign((normal * directions).sum(-1, keepdims=True))
    shape = (camera.height, camera.width)
    return SeenSurface(
        rays.image(distance * directions[:, 2], shape), rays.image(normal, shape), rays.image(seen, shape)
    )


def permitted_behind(
    volume: Volume,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    depth: Float[np.ndarray, "height width"],
    wanted: Bool[np.ndarray, "height width"],
) -> Bool[np.ndarray, "height width"]:
    """True where the ray of a `wanted` pixel meets permitted volume farther than z = `depth` (metres; 0: anywhere)."""
    rays = _Rays.through(volume, camera, camera_to_world, wanted)
    near = np.maximum(rays.near, depth.ravel()[rays.index] / rays.directions[:, 2])
    found = np.zeros(len(near), bool)
    stride = 0.5 * volume.grid.spacing
    any_beyond(volume.permitted, rays.start, rays.steps, near, rays.far, stride, found)
    return rays.image(found, (camera.height, camera.width))


@dataclass(frozen=True)
class _Rays:
    """The rays of a camera that meet the grid: their pixels, unit directions in the camera, and their way through it.

    Positions in voxels are start + t * steps with t in metres, between `near` and `far`.
    """

    index: np.ndarray
    directions: np.ndarray
    start: np.ndarray
    steps: np.ndarray
    near: np.ndarray
    far: np.ndarray

    @classmethod
    def through(cls, volume: Volume, camera: Camera, camera_to_world: np.ndarray, wanted: np.ndarray) -> "_Rays":
        grid = volume.grid
        pixel = np.nonzero(wanted.ravel())[0]
        row, column = np.divmod(pixel, camera.width)
        directions = unnormalized_rays(camera, np.stack([column + 0.5, row + 0.5], -1))
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        start = world_to_voxel(grid, camera_to_world[:3, 3])
        steps = directions @ (camera_to_world[:3, :3].T @ grid.frame.rotation) / grid.spacing
        safe = np.where(np.abs(steps) < 1e-9, 1e-9, steps)
        low, high = (-0.5 - start) / safe, (np.array(grid.shape) - 0.5 - start) / safe
        near = np.maximum(np.minimum(low, high).max(-1), 1e-3)
        far = np.maximum(low, high).min(-1)
        meets = near < far
        return cls(pixel[meets], directions[meets], start, steps[meets], near[meets], far[meets])

    def image(self, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Values of the rays at their pixels, zero elsewhere."""
        full = np.zeros((shape[0] * shape[1], *values.shape[1:]), values.dtype if values.dtype == bool else np.float32)
        full[self.index] = values
        return full.reshape(*shape, *values.shape[1:])
