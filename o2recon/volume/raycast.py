"""Look at a volume from a camera: the completed surface's depth, and whether permitted volume lies behind a depth."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.transforms import voxel_centers, world_to_voxel
from o2recon.types import Camera, Volume, VoxelGrid
from o2recon.volume.observe import project_points

_MAX_STEPS = 160


def render_depth(
    volume: Volume, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]]:
    """Depth (z, metres, 0 = miss), normals (camera frame, unit, towards the camera) and evidence of the surface.

    Sphere tracing of `volume.sdf`; the hit is placed by linear interpolation between the two samples around it.
    """
    grid = volume.grid
    rays = unnormalized_rays(camera, pixel_centers(camera)).reshape(-1, 3)
    length = np.linalg.norm(rays, axis=-1)
    start, step = _in_voxels(grid, camera_to_world, rays / length[:, None])
    near, far = _slab(grid, start, step)
    alive = np.flatnonzero(near < far)
    distance = torch.zeros(len(rays))
    if len(alive):
        t = _trace(torch.from_numpy(volume.sdf), start, step[alive], near[alive], far[alive], grid.spacing)
        distance[torch.from_numpy(alive)] = t
    shape = (camera.height, camera.width)
    hit = distance > 0
    depth = torch.where(hit, distance / torch.from_numpy(length).float(), 0.0)
    points = torch.from_numpy(start) + torch.from_numpy(step)[hit] * distance[hit, None]
    normal = np.zeros((len(rays), 3), np.float32)
    evidence = np.zeros(len(rays), np.float32)
    mask = hit.numpy()
    normal[mask] = _normals(volume, points, camera_to_world, rays[mask])
    evidence[mask] = _lookup(torch.from_numpy(volume.evidence), points).numpy()
    return depth.numpy().reshape(shape).astype(np.float32), normal.reshape(*shape, 3), evidence.reshape(shape)


def permitted_beyond(
    volume: Volume,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    depth: Float[np.ndarray, "height width"],
    margin: Float[np.ndarray, "height width"],
) -> Bool[np.ndarray, "height width"]:
    """True where permitted volume lies farther than depth + margin (metres, z) on the pixel's ray. A depth of 0 hides
    nothing: all permitted volume on the ray counts."""
    grid = volume.grid
    points = voxel_centers(grid)[volume.permitted]
    limit = (depth + margin) * (depth > 0)
    pixel, z, inside = project_points(points, camera, camera_to_world)
    height, width = depth.shape
    behind = np.zeros(height * width, bool)
    keep = inside & (z > limit.ravel()[pixel])
    behind[pixel[keep]] = True
    if not keep.any():
        return behind.reshape(height, width)
    reach = grid.spacing * float(camera.intrinsics[0, 0]) / max(float(np.median(z[keep])), 1e-3)
    size = 2 * int(np.ceil(reach / 2)) + 1
    grown = F.max_pool2d(torch.from_numpy(behind.reshape(1, 1, height, width)).float(), size, 1, size // 2)
    return grown[0, 0].numpy() > 0


def _in_voxels(
    grid: VoxelGrid, camera_to_world: np.ndarray, rays: np.ndarray
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "rays 3"]]:
    """Camera position and directions (one metre long) in voxel units."""
    start = world_to_voxel(grid, camera_to_world[:3, 3])
    step = rays @ camera_to_world[:3, :3].T @ grid.frame.rotation / grid.spacing
    return start.astype(np.float32), step.astype(np.float32)


def _slab(grid: VoxelGrid, start: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter and leave the grid, metres along the ray."""
    safe = np.where(np.abs(step) < 1e-9, 1e-9, step)
    low, high = (-0.5 - start) / safe, (np.array(grid.shape) - 0.5 - start) / safe
    return np.maximum(np.minimum(low, high).max(1), 1e-3), np.maximum(low, high).min(1)


def _trace(
    sdf: Float[Tensor, "x y z"], start: np.ndarray, step: np.ndarray, near: np.ndarray, far: np.ndarray, spacing: float
) -> Float[Tensor, "rays"]:
    """Distance (metres) to the first crossing from outside to inside, 0 where there is none."""
    origin, direction = torch.from_numpy(start), torch.from_numpy(step)
    t, end = torch.from_numpy(near).float(), torch.from_numpy(far).float()
    result = torch.zeros_like(t)
    active = torch.arange(len(t))
    last_t, last = t.clone(), torch.full_like(t, spacing)
    for _ in range(_MAX_STEPS):
        value = _lookup(sdf, origin + direction[active] * t[active, None])
        inside = value <= 0
        done = active[inside]
        share = last[done] / (last[done] - value[inside]).clamp_min(1e-9)
        result[done] = last_t[done] + share * (t[done] - last_t[done])
        last[active], last_t[active] = value, t[active]
        t[active] += (0.9 * value).clamp_min(0.35 * spacing)
        active = active[~inside & (t[active] < end[active])]
        if len(active) == 0:
            break
    return result


def _lookup(values: Float[Tensor, "x y z"], voxel: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]:
    """Trilinear values at continuous voxel positions, border values outside."""
    size = torch.tensor(values.shape, dtype=torch.float32)
    scaled = (2 * voxel / (size - 1) - 1).flip(-1).view(1, 1, 1, -1, 3)
    sampled = F.grid_sample(values[None, None].float(), scaled, align_corners=True, padding_mode="border")
    return sampled.view(-1)


def _normals(
    volume: Volume, points: Float[Tensor, "points 3"], camera_to_world: np.ndarray, rays: np.ndarray
) -> Float[np.ndarray, "points 3"]:
    """Gradient of the sdf by central differences over a voxel, turned into the camera frame and towards the camera."""
    sdf = torch.from_numpy(volume.sdf)
    slopes = [_lookup(sdf, points + e) - _lookup(sdf, points - e) for e in torch.eye(3)]
    normal = torch.stack(slopes, -1).numpy() @ volume.grid.frame.rotation.T @ camera_to_world[:3, :3]
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    away = (normal * rays).sum(-1) > 0
    normal[away] *= -1
    return normal.astype(np.float32)
