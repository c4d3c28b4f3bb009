"""Complete the fused surface where nobody looked.

The smallest surface in the permitted volume that agrees with what was seen, pushed out where the object's own surface
encloses the unknown. Flat parts are believed to go on under what covers them, and mirror-symmetric objects to have on
the hidden side what they have on the seen one.
"""

import logging

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from o2recon.types import VoxelGrid
from o2recon.volume.enclosure import enclosure
from o2recon.volume.minimal_surface import minimal_surface
from o2recon.volume.observation import Known, Observation
from o2recon.volume.outline import outside_hull
from o2recon.volume.planes import PlaneSearch
from o2recon.volume.symmetry import SymmetrySearch, mirrored

log = logging.getLogger(__name__)


class Completion:
    """Solves for the occupancy of everything unseen and blends its distance with the fused one.

    `min_weight`, `min_share`: see Known. Costs are in units of one voxel face. `push`: gain per metre of thickness for
    filling unknown space, times (enclosure - `enclosure_from`) / (`enclosure_full` - `enclosure_from`) in [-0.5, 1]:
    wrapped in own surface it fills up, open to seen air it shrinks; beyond the grid the enclosure is
    `enclosure_outside`. `beyond_hull`: cost per metre of thickness and 10 cm for unknown space outside the hull of the
    seen surface (see outside_hull, with `floor_reach`). `once_free`: cost of a voxel that a single frame saw through.
    `belief`: cost or gain of a voxel that planes or symmetry speak for. `planes`, `symmetry`: None switches them off.
    """

    def __init__(
        self,
        *,
        min_weight: float,
        min_share: float,
        push: float,
        enclosure_from: float,
        enclosure_full: float,
        enclosure_outside: float,
        beyond_hull: float,
        floor_reach: float,
        once_free: float,
        belief: float,
        planes: PlaneSearch | None,
        symmetry: SymmetrySearch | None,
        iterations: int,
    ):
        self.min_weight, self.min_share, self.push = min_weight, min_share, push
        self.enclosure_from, self.enclosure_full = enclosure_from, enclosure_full
        self.enclosure_outside = enclosure_outside
        self.beyond_hull, self.floor_reach, self.once_free = beyond_hull, floor_reach, once_free
        self.belief, self.planes, self.symmetry = belief, planes, symmetry
        self.iterations = iterations

    def __call__(
        self, seen: Observation, floor: float | None
    ) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
        """Completed signed distance (metres) and evidence in [0, 1] (1 = fused, 0 = completed).

        `floor`: world height in metres; the object ends there. ValueError when no surface was fused.
        """
        known = Known.of(seen, min_weight=self.min_weight, min_share=self.min_share)
        flat = self._continue_planes(seen, known)
        believed_in, believed_out = self._mirror(seen.grid, known, flat)
        cost = self._fill_cost(seen, known, believed_in, believed_out)
        cost += self.belief * (believed_out.float() - believed_in.float())
        outside = outside_hull(seen.grid, known.surface.numpy(), floor, floor_reach=self.floor_reach)
        cost += torch.from_numpy(outside) * (self.beyond_hull * seen.grid.spacing)
        lower, upper = known.inside.float(), (seen.permitted & ~known.front).float()
        for bound in (lower, upper):
            _clear_border(bound)
        occupied = minimal_surface(cost, lower, upper, iterations=self.iterations).numpy() > 0.5
        trusted = (seen.weight * known.trusted).numpy()
        sdf, evidence = _blend(occupied, seen.distance.numpy(), trusted, seen.grid.spacing)
        return _above(floor, sdf, seen.grid), evidence

    def _fill_cost(
        self, seen: Observation, known: Known, believed_in: Tensor, believed_out: Tensor
    ) -> Float[Tensor, "x y z"]:
        enclosed = enclosure(
            known.inside | believed_in,
            (known.empty & ~known.other) | believed_out,
            known.other,
            neutral=self.enclosure_from,
            outside=self.enclosure_outside,
        )
        share = (enclosed - self.enclosure_from) / (self.enclosure_full - self.enclosure_from)
        cost = torch.where(seen.past >= 1, self.once_free, 0.0)
        return cost - self.push * share.clamp_(-0.5, 1) * seen.grid.spacing * known.unknown

    def _continue_planes(self, seen: Observation, known: Known) -> Bool[Tensor, "x y z"]:
        """Unknown voxels that continue flat parts of the seen surface."""
        if self.planes is None:
            return torch.zeros_like(known.surface)
        parts = self.planes(seen.grid, known.surface.numpy(), seen.distance.numpy())
        log.info("%d flat parts", len(parts))
        return torch.from_numpy(self.planes.continued(seen.grid, parts)) & known.unknown

    def _mirror(
        self, grid: VoxelGrid, known: Known, flat: Bool[Tensor, "x y z"]
    ) -> tuple[Bool[Tensor, "x y z"], Bool[Tensor, "x y z"]]:
        """Unknown voxels believed to be inside or outside, because their mirror image was seen to be."""
        believed_in, believed_out = flat.clone(), torch.zeros_like(flat)
        if self.symmetry is None:
            return believed_in, believed_out
        for plane in self.symmetry(grid, known.surface.numpy(), known.empty.numpy()):
            log.info(
                "mirror plane at %d degrees, support %.2f, conflict %.2f",
                round(np.degrees(plane.angle)) % 180,
                plane.support,
                plane.conflict,
            )
            known_in, known_out = known.inside | believed_in, (known.empty & ~known.other) | believed_out
            image = mirrored(grid, torch.stack([known_in.float(), known_out.float()]), plane)
            believed_in |= known.unknown & (image[0] > 0.5)
            believed_out |= known.unknown & (image[1] > 0.5)
            believed_out &= ~believed_in
        return believed_in, believed_out


def _above(floor: float | None, sdf: Float[np.ndarray, "x y z"], grid: VoxelGrid) -> Float[np.ndarray, "x y z"]:
    """The part of a solid above `floor` (world height, metres; None: all of it). The grid's third axis points up."""
    if floor is None:
        return sdf
    count = grid.shape[2]
    height = grid.frame.center[2] + (np.arange(count) - (count - 1) / 2) * grid.spacing
    return np.maximum(sdf, (floor - height).astype(np.float32))


def _clear_border(bound: Tensor) -> None:
    """The surface closes inside the grid."""
    for axis in range(3):
        bound.select(axis, 0).zero_()
        bound.select(axis, bound.shape[axis] - 1).zero_()


def _blend(
    occupied: Bool[np.ndarray, "x y z"],
    fused: Float[np.ndarray, "x y z"],
    weight: Float[np.ndarray, "x y z"],
    spacing: float,
    band: float = 0.02,
) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
    """The fused distance within `band` metres of the seen surface, the distance to the completed one elsewhere."""
    far = np.where(occupied, 0.5 - distance_transform_edt(occupied), distance_transform_edt(~occupied) - 0.5) * spacing
    far = gaussian_filter(far.astype(np.float32), 0.7)
    agree = (np.sign(fused) == np.sign(far)) | (np.abs(far) < 2 * spacing)
    evidence = np.clip((1.5 * band - np.abs(fused)) / (0.5 * band), 0, 1) * np.clip(weight / 0.5, 0, 1) * agree
    return (evidence * fused + (1 - evidence) * far).astype(np.float32), evidence.astype(np.float32)
