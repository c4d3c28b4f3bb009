"""Complete the fused surface where nobody looked.

The smallest surface in the permitted volume that agrees with what was seen, pushed out where the object's own surface
encloses the unknown.
"""

import logging
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from o2recon.transforms import voxel_centers
from o2recon.types import VoxelGrid
from o2recon.volume.enclosure import enclosure
from o2recon.volume.minimal_surface import minimal_surface
from o2recon.volume.symmetry import SymmetrySearch, mirrored

log = logging.getLogger(__name__)


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


class Completion:
    """Solves for the occupancy of everything unseen and blends its distance with the fused one.

    `min_weight`: fused weight from which a voxel counts as observed. `push`: gain per metre of thickness for filling
    unknown space, times (enclosure - `enclosure_from`) / (`enclosure_full` - `enclosure_from`) in [-0.5, 1]: wrapped in
    own surface it fills up, open to seen air it shrinks. `beyond_hull`: cost per metre for unknown space outside the
    convex hull of the seen surface, which reaches down to the floor when it ends less than `floor_reach` metres above
    it. `once_free`: cost for a voxel that a single frame saw through. `min_share`: a voxel behind the surface counts as
    seen inside only with this share of the largest weight nearby, so that coarse far frames do not thicken what near
    ones saw. `symmetry`, `mirror_cost`: mirrored knowledge counts in unknown voxels with this cost or gain. Costs are
    in units of one voxel face.
    """

    def __init__(
        self,
        *,
        min_weight: float,
        push: float,
        enclosure_from: float,
        enclosure_full: float,
        beyond_hull: float,
        floor_reach: float,
        once_free: float,
        min_share: float,
        mirror_cost: float,
        symmetry: SymmetrySearch | None,
        iterations: int,
    ):
        self.min_weight, self.push = min_weight, push
        self.enclosure_from, self.enclosure_full = enclosure_from, enclosure_full
        self.beyond_hull, self.floor_reach, self.once_free = beyond_hull, floor_reach, once_free
        self.min_share, self.mirror_cost, self.symmetry = min_share, mirror_cost, symmetry
        self.iterations = iterations

    def __call__(
        self, seen: Observation, floor: float | None
    ) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
        """Completed signed distance (metres) and evidence in [0, 1] (1 = fused, 0 = completed)."""
        grid, spacing = seen.grid, seen.grid.spacing
        observed = seen.weight > self.min_weight
        strong = observed & (seen.weight > self.min_share * _largest_nearby(seen.weight, spacing))
        inside = strong & (seen.distance < -0.2 * spacing) & seen.permitted
        front = observed & (seen.distance > 0.3 * spacing)
        if not bool(inside.any()):
            raise ValueError(
                f"no surface was fused on voxels of {spacing * 1000:.0f} mm: the object's mask holds too little valid"
                " depth; check depth images and intrinsics"
            )
        surface = observed & (seen.distance.abs() < 0.6 * spacing) & seen.permitted
        other = (seen.other >= 2) & ~seen.permitted
        empty = (front | ~seen.permitted) & ~inside
        unknown = ~inside & ~front & seen.permitted & (seen.past < 1)
        believed_in, believed_out = self._mirror(grid, surface, inside, empty, other, unknown)
        enclosed = enclosure(inside | believed_in, (empty & ~other) | believed_out, other, self.enclosure_from)
        cost = torch.where(seen.past >= 1, self.once_free, 0.0)
        cost -= self._fill(enclosed) * spacing * unknown
        cost += self.mirror_cost * (believed_out.float() - believed_in.float())
        cost += torch.from_numpy(self._outside_hull(grid, surface.numpy(), floor)) * (self.beyond_hull * spacing)
        lower, upper = inside.float(), (seen.permitted & ~front).float()
        for bound in (lower, upper):
            _clear_border(bound)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        bounds = (t.to(device) for t in (cost, lower, upper))
        occupied = minimal_surface(*bounds, iterations=self.iterations).cpu().numpy() > 0.5
        return _blend(occupied, seen.distance.numpy(), (seen.weight * (strong | front)).numpy(), spacing)

    def _fill(self, enclosed: Float[Tensor, "x y z"]) -> Float[Tensor, "x y z"]:
        share = (enclosed - self.enclosure_from) / (self.enclosure_full - self.enclosure_from)
        return self.push * share.clamp_(-0.5, 1)

    def _mirror(
        self, grid: VoxelGrid, surface: Tensor, inside: Tensor, empty: Tensor, other: Tensor, unknown: Tensor
    ) -> tuple[Bool[Tensor, "x y z"], Bool[Tensor, "x y z"]]:
        """Unknown voxels believed to be inside or outside, because their mirror image was seen to be."""
        believed_in, believed_out = torch.zeros_like(inside), torch.zeros_like(inside)
        if self.symmetry is None:
            return believed_in, believed_out
        for plane in self.symmetry(grid, surface.numpy(), empty.numpy()):
            log.info(
                "mirror plane at %.0f degrees, support %.2f, conflict %.2f",
                np.degrees(plane.angle),
                plane.support,
                plane.conflict,
            )
            known_in, known_out = inside | believed_in, (empty & ~other) | believed_out
            image = mirrored(grid, torch.stack([known_in.float(), known_out.float()]), plane)
            believed_in |= unknown & (image[0] > 0.5)
            believed_out |= unknown & (image[1] > 0.5) & ~believed_in
        return believed_in, believed_out

    def _outside_hull(
        self, grid: VoxelGrid, surface: Bool[np.ndarray, "x y z"], floor: float | None
    ) -> Float[np.ndarray, "x y z"]:
        """Distance (metres, at most 0.1) of each voxel from the convex hull of the large pieces of seen surface."""
        pieces, _ = label(surface, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        surface = sizes[pieces] > max(20, 0.01 * sizes.sum())
        centers = voxel_centers(grid).astype(np.float32)
        points = centers[surface]
        if floor is not None and len(points) and points[:, 2].min() - floor < self.floor_reach:
            down = points.copy()
            down[:, 2] = min(floor, points[:, 2].min())
            points = np.concatenate([points, down])
        try:
            hull = ConvexHull(points)
        except (QhullError, ValueError):
            return np.zeros(grid.shape, np.float32)
        distance = np.full(grid.shape, -np.inf, np.float32)
        for plane in np.unique(np.round(hull.equations, 3), axis=0).astype(np.float32):
            np.maximum(distance, centers @ plane[:3] + plane[3], out=distance)
        return np.clip(distance, 0, 0.1)


def _largest_nearby(weight: Float[Tensor, "x y z"], spacing: float, reach: float = 0.03) -> Float[Tensor, "x y z"]:
    """Largest weight within `reach` metres along each axis."""
    size = 2 * max(1, round(reach / spacing)) + 1
    result = weight[None, None]
    for kernel in ((size, 1, 1), (1, size, 1), (1, 1, size)):
        result = F.max_pool3d(result, kernel, 1, tuple(k // 2 for k in kernel))
    return result[0, 0]


def _clear_border(bound: Tensor) -> None:
    """The surface closes inside the grid."""
    for axis in range(3):
        bound.select(axis, 0).zero_()
        bound.select(axis, bound.shape[axis] - 1).zero_()


def _blend(
    occupied: np.ndarray, fused: np.ndarray, weight: np.ndarray, spacing: float, band: float = 0.02
) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
    """The fused distance near the seen surface, the distance to the completed one elsewhere."""
    far = np.where(occupied, 0.5 - distance_transform_edt(occupied), distance_transform_edt(~occupied) - 0.5) * spacing
    far = gaussian_filter(far.astype(np.float32), 0.7)
    agree = (np.sign(fused) == np.sign(far)) | (np.abs(far) < 2 * spacing)
    evidence = np.clip((1.5 * band - np.abs(fused)) / (0.5 * band), 0, 1) * np.clip(weight / 0.5, 0, 1) * agree
    return (evidence * fused + (1 - evidence) * far).astype(np.float32), evidence.astype(np.float32)
