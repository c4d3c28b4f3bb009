"""What the frames said about each voxel, and what follows from it with certainty."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from o2recon.types import VoxelGrid


@dataclass(frozen=True)
class Observation:
    """What all frames say about each voxel. `distance` (metres, > 0 in front) and `weight` come from the fusion;
    `past` and `other` count the frames that saw past the voxel, or another surface in it."""

    grid: VoxelGrid
    distance: Float[Tensor, "x y z"]
    weight: Float[Tensor, "x y z"]
    permitted: Bool[Tensor, "x y z"]
    past: Float[Tensor, "x y z"]
    other: Float[Tensor, "x y z"]


@dataclass(frozen=True)
class Known:
    """Voxels of which something is known.

    `inside`: just behind the seen surface; `front`: just before it; `surface`: on it; `other`: on another surface;
    `empty`: the object is not there; `unknown`: nothing was seen there at all; `trusted`: the fused distance holds.
    """

    inside: Bool[Tensor, "x y z"]
    front: Bool[Tensor, "x y z"]
    surface: Bool[Tensor, "x y z"]
    other: Bool[Tensor, "x y z"]
    empty: Bool[Tensor, "x y z"]
    unknown: Bool[Tensor, "x y z"]
    trusted: Bool[Tensor, "x y z"]

    @classmethod
    def of(cls, seen: Observation, *, min_weight: float, min_share: float) -> "Known":
        """What follows from the observation.

        `min_weight`: fused weight from which a voxel counts as observed; a tenth of the surface's median weight where
        that is less, for objects seen from afar only. `min_share`: behind the surface it also needs this share of the
        largest weight nearby, so that coarse far frames do not thicken what near ones saw.
        ValueError when nothing lies behind any seen surface.
        """
        spacing = seen.grid.spacing
        measured = seen.weight[(seen.weight > 0) & (seen.distance.abs() < spacing)]
        typical = float(measured.median()) if len(measured) else 0.0
        observed = seen.weight > min(min_weight, 0.1 * typical)
        strong = observed & (seen.weight > min_share * _largest_nearby(seen.weight, spacing))
        inside = strong & (seen.distance < -0.2 * spacing) & seen.permitted
        if not bool(inside.any()):
            raise ValueError(
                f"no surface was fused on voxels of {spacing * 1000:.0f} mm: the object's mask holds too little valid"
                " depth; check depth images and intrinsics"
            )
        front = observed & (seen.distance > 0.3 * spacing)
        return cls(
            inside=inside,
            front=front,
            surface=observed & (seen.distance.abs() < 0.6 * spacing) & seen.permitted,
            other=(seen.other >= 2) & ~seen.permitted,
            empty=(front | ~seen.permitted) & ~inside,
            unknown=~inside & ~front & seen.permitted & (seen.past < 1),
            trusted=strong | front,
        )


def _largest_nearby(weight: Float[Tensor, "x y z"], spacing: float, reach: float = 0.03) -> Float[Tensor, "x y z"]:
    """Largest weight within `reach` metres along each axis."""
    size = 2 * max(1, round(reach / spacing)) + 1
    result = weight[None, None]
    for kernel in ((size, 1, 1), (1, size, 1), (1, 1, size)):
        result = F.max_pool3d(result, kernel, 1, tuple(k // 2 for k in kernel))
    return result[0, 0]
