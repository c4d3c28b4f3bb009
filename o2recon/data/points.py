"""Points in space, with what the carving and the completed volume say there, for the terms that need no ray."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from o2recon.types import Volume


@dataclass(frozen=True)
class PointBatch:
    """Points in the object frame; distances in object units."""

    points: Float[Tensor, "points 3"]
    hull_distance: Float[Tensor, "points"]
    """Distance to the permitted volume, 0 inside it."""
    prior_sdf: Float[Tensor, "points"]
    """The completed volume's signed distance."""
    evidence: Float[Tensor, "points"]
    """1 where that distance was observed, 0 where it was completed."""


class VolumeField:
    """The volume of `hull.npz` as functions of points in the object frame, by trilinear interpolation.

    Outside the grid the value at its border is used, plus the distance to the border for the two distances.
    ValueError when nothing is permitted.
    """

    def __init__(self, volume: Volume) -> None:
        if not volume.permitted.any():
            raise ValueError("hull.npz permits no voxel: raise the carving's votes needed and prepare the object again")
        grid, scale = volume.grid, volume.grid.frame.scale
        hull = distance_transform_edt(~volume.permitted, sampling=grid.spacing) - grid.spacing / 2
        layers = [torch.from_numpy(hull).clamp(min=0) / scale, torch.from_numpy(volume.sdf) / scale]
        self.values = torch.stack([*layers, torch.from_numpy(volume.evidence)]).float()[None]
        self.shape = torch.tensor(grid.shape)
        self.spacing = grid.spacing / scale
        """Of the grid, object units."""
        self.box = torch.from_numpy(grid.frame.half_extents / scale).float()

    def to(self, device: torch.device | str) -> "VolumeField":
        """The same on another device, in place."""
        self.values, self.shape, self.box = (x.to(device) for x in (self.values, self.shape, self.box))
        return self

    def __call__(self, points: Float[Tensor, "points 3"]) -> PointBatch:
        """What the volume says at `points`."""
        border = (self.shape - 1) / 2 * self.spacing
        inside = torch.maximum(torch.minimum(points, border), -border)
        position = (inside / border).flip(-1)[None, :, None, None]
        found = F.grid_sample(self.values, position, align_corners=True, padding_mode="border")[0, :, :, 0, 0]
        beyond = (points - inside).norm(dim=-1)
        return PointBatch(points, found[0] + beyond, found[1] + beyond, found[2])

    def centers(self, kept: Tensor) -> Float[Tensor, "points 3"]:
        """Object-frame centres of the voxels where `kept` is true."""
        return (torch.nonzero(kept) - (self.shape - 1) / 2) * self.spacing


class PointSampler:
    """Draws points: uniform in the box, near the completed surface, and in carved space close to the permitted volume.

    `band` and `carved_reach` in metres; `scale`: metres per object unit; `box_inflation` as for the rays.
    """

    def __init__(
        self,
        field: VolumeField,
        *,
        num_uniform: int,
        num_surface: int,
        num_carved: int,
        band: float,
        carved_reach: float,
        box_inflation: float,
        scale: float,
    ) -> None:
        self.field, self.box = field, field.box * box_inflation
        hull_distance, prior_sdf, _ = field.values[0]
        carved = (hull_distance > 0) & (hull_distance < carved_reach / scale)
        near = prior_sdf.abs() < max(band / scale, field.spacing)
        pools = ((field.centers(near), num_surface), (field.centers(carved), num_carved))
        self.pools = [(pool, count) for pool, count in pools if len(pool)]
        self.num_uniform = num_uniform + num_surface + num_carved - sum(count for _, count in self.pools)

    def __call__(self, generator: torch.Generator, share: slice = slice(None)) -> PointBatch:
        """One batch, of which `share` is looked at; the count of an empty pool goes to the uniform points."""
        device = self.box.device
        draws = [(torch.rand(self.num_uniform, 3, generator=generator, device=device) * 2 - 1) * self.box]
        for pool, count in self.pools:
            at = torch.randint(len(pool), (count,), generator=generator, device=device)
            jitter = torch.rand(count, 3, generator=generator, device=device) - 0.5
            draws.append(pool[at] + jitter * self.field.spacing)
        return self.field(torch.cat(draws)[share])
