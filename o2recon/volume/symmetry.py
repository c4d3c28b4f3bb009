"""Mirror symmetry of furniture: what one side showed, the hidden other side may be believed to have too."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from o2recon.transforms import voxel_centers
from o2recon.types import VoxelGrid


@dataclass(frozen=True)
class MirrorPlane:
    """A vertical plane in the box's axes: x cos(angle) + y sin(angle) = offset, metres from the box centre.

    `support`: share of the seen surface that falls on seen surface when mirrored; `conflict`: share that falls into
    space seen to be empty.
    """

    angle: float
    offset: float
    support: float
    conflict: float

    def mirror(self, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """Mirror images of points given in the box's axes, metres from its centre."""
        normal = np.array([np.cos(self.angle), np.sin(self.angle), 0.0])
        return points - 2 * ((points @ normal) - self.offset)[..., None] * normal


class SymmetrySearch:
    """Finds up to two vertical mirror planes, the second at a right angle to the first.

    A plane holds when at least `min_support` of the seen surface lands within `tolerance` metres of seen surface and at
    most `max_conflict` of it lands more than `tolerance` inside empty space. It must pass through the middle third of
    the object, else a flat front would be its own mirror. Conflicts count `conflict_weight` times in the ranking.
    """

    def __init__(self, *, min_support: float, max_conflict: float, tolerance: float, conflict_weight: float):
        self.min_support, self.max_conflict = min_support, max_conflict
        self.tolerance, self.conflict_weight = tolerance, conflict_weight

    def __call__(
        self, grid: VoxelGrid, surface: Bool[np.ndarray, "x y z"], empty: Bool[np.ndarray, "x y z"]
    ) -> list[MirrorPlane]:
        """`surface`: voxels on the seen surface; `empty`: voxels seen to be empty."""
        local = _local_centers(grid)[surface]
        if len(local) < 100:
            return []
        points = local[np.random.default_rng(0).permutation(len(local))[:3000]]
        to_surface = (distance_transform_edt(~surface) * grid.spacing).astype(np.float32)
        into_empty = (distance_transform_edt(empty) * grid.spacing).astype(np.float32)

        def rate(angle: float, offset: float) -> MirrorPlane:
            plane = MirrorPlane(angle, offset, 0.0, 0.0)
            index, inside = _nearest_voxel(grid, plane.mirror(points))
            on = inside & (to_surface[index] < self.tolerance)
            bad = ~inside | (into_empty[index] > self.tolerance)
            return MirrorPlane(angle, offset, float(on.mean()), float(bad.mean()))

        first = self._best(points, rate, np.arange(0, np.pi, np.radians(4)))
        if first is None:
            return []
        second = self._best(points, rate, np.array([first.angle + np.pi / 2]), turn=0.0)
        return [first] if second is None else [first, second]

    def _best(self, points, rate, angles: np.ndarray, turn: float = np.radians(2)) -> MirrorPlane | None:
        """The best plane over all angles and offsets, refined; None when none holds."""

        def key(p: MirrorPlane) -> float:
            return p.support - self.conflict_weight * p.conflict

        best: MirrorPlane | None = None
        for angle in angles:
            along = points[:, :2] @ np.array([np.cos(angle), np.sin(angle)])
            low, high = np.percentile(along, [1, 99])
            middle, reach = (low + high) / 2, (high - low) / 6
            for offset in np.linspace(middle - reach, middle + reach, 15):
                plane = rate(float(angle), float(offset))
                if best is None or key(plane) > key(best):
                    best = plane
        assert best is not None
        step = 2 * self.tolerance
        while step > 0.002:
            near = [
                rate(best.angle + da, best.offset + do)
                for da in ((0.0,) if turn == 0 else (-turn, 0.0, turn))
                for do in (-step, 0.0, step)
            ]
            candidate = max(near, key=key)
            if key(candidate) > key(best):
                best = candidate
            else:
                step, turn = step / 2, turn / 2
        holds = best.support >= self.min_support and best.conflict <= self.max_conflict
        return best if holds else None


def mirrored(grid: VoxelGrid, values: Float[Tensor, "channels x y z"], plane: MirrorPlane) -> Tensor:
    """Values of each voxel's mirror image, trilinear; 0 where the image lies outside the grid."""
    half = torch.tensor(grid.shape, dtype=torch.float32) * grid.spacing / 2
    image = torch.from_numpy(plane.mirror(_local_centers(grid)).astype(np.float32)) / half
    return F.grid_sample(values[None], image.flip(-1)[None], align_corners=False)[0]


def _local_centers(grid: VoxelGrid) -> Float[np.ndarray, "x y z 3"]:
    """Voxel centres in the box's axes, metres from its centre."""
    return (voxel_centers(grid) - grid.frame.center) @ grid.frame.rotation


def _nearest_voxel(grid: VoxelGrid, local: np.ndarray) -> tuple[tuple[np.ndarray, ...], Bool[np.ndarray, "points"]]:
    shape = np.array(grid.shape)
    index = np.rint(local / grid.spacing + (shape - 1) / 2).astype(int)
    inside = np.all((index >= 0) & (index < shape), axis=-1)
    return tuple(np.clip(index, 0, shape - 1).T), inside
