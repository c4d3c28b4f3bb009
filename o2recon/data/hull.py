"""Where along each ray the object may be: what carving has emptied before and behind need not be sampled."""

import math
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from o2recon.data.points import VolumeField
from o2recon.data.table import PARTS, RayTable
from o2recon.tensors import RayBatch

_CHUNK = 1 << 16


def permitted_interval(
    volume: VolumeField, rays: RayBatch, *, margin: float
) -> tuple[Float[Tensor, "rays"], Float[Tensor, "rays"]]:
    """The shortest part of [near, far] known to hold every permitted voxel that a ray passes; object frame and units.

    A ray is looked at every 2 x `margin`, which is nowhere further than `margin` from what it passes; a look finds the
    permitted volume in voxels up to `margin` and the diagonal of one away. A ray that passes nothing permitted keeps
    all of its interval.
    """
    length = rays.far - rays.near
    looks = max(2, math.ceil(float(length.max()) / (2 * margin))) if len(length) else 2
    share = (torch.arange(looks, device=length.device) + 0.5) / looks
    t = rays.near[:, None] + share * length[:, None]
    points = rays.origins[:, None] + t[..., None] * rays.directions[:, None]
    near_hull = volume.values[0, 0] <= margin + math.sqrt(3) * volume.spacing
    inside = _at(near_hull, points / volume.spacing).int()
    passed, half = inside.any(1), length / (2 * looks)
    first, last = inside.argmax(1, keepdim=True), looks - 1 - inside.flip(1).argmax(1, keepdim=True)
    start, end = t.gather(1, first)[:, 0] - half, t.gather(1, last)[:, 0] + half
    return torch.where(passed, start, rays.near), torch.where(passed, end, rays.far)


def _at(grid: Bool[Tensor, "x y z"], position: Float[Tensor, "*points 3"]) -> Bool[Tensor, "*points"]:
    """The voxel that each point lies in, or nearest to it; positions in voxels from the grid's centre."""
    x, y, z = (
        (part + (size - 1) / 2).round_().clamp_(0, size - 1).int()
        for part, size in zip(position.unbind(-1), grid.shape, strict=True)
    )
    return grid.flatten()[(x * grid.shape[1] + y) * grid.shape[2] + z]


def limited_to_hull(table: RayTable, volume: VolumeField, *, margin: float) -> RayTable:
    """The same rays, rendered only where they pass near the permitted volume. `margin`: object units, > 0."""
    parts = []
    for rows in torch.arange(len(table), device=table.view.device).split(_CHUNK):
        rays = table.batch(rows)
        length = (rays.far - rays.near).clamp(min=1e-9)
        start, end = (PARTS * (t - rays.near) / length for t in permitted_interval(volume, rays, margin=margin))
        parts.append(torch.stack([(start + 1e-3).floor(), (end - 1e-3).ceil()]).clamp(0, PARTS).to(torch.uint8))
    start, end = torch.cat(parts, 1)
    return replace(table, start=start, end=end)
