"""The object frame: a gravity-aligned box that holds what was seen of the object and what may be hidden near it."""

import logging
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from o2recon.objects.cloud import VisibleCloud
from o2recon.scene import Scene
from o2recon.transforms import box_of, grid_over, voxel_centers, world_to_voxel
from o2recon.types import ObjectFrame, VoxelGrid
from o2recon.volume import carve, frames_facing

log = logging.getLogger(__name__)


class ObjectBox:
    """Box of the visible cloud together with the permitted volume within max(`reach`, `reach_share` of the cloud's
    diagonal) of it and connected to it; down to the floor where permitted volume goes on below; x `inflation`.

    Permitted is what is left after all frames carved a region of about `voxels` voxels along its longest edge, with
    `min_votes` and `margin` as in Carving. Nothing
    lies deeper than `floor_slack` metres below the floor. `cloud` makes the collector of visible points.
    """

    def __init__(
        self,
        *,
        cloud: Callable[..., VisibleCloud],
        reach: float,
        reach_share: float,
        inflation: float,
        voxels: int,
        min_votes: int,
        margin: float,
        floor_slack: float,
    ) -> None:
        self.cloud, self.reach, self.reach_share = cloud, reach, reach_share
        self.inflation, self.voxels, self.floor_slack = inflation, voxels, floor_slack
        self.min_votes, self.margin = min_votes, margin

    def __call__(
        self, scene: Scene, object_id: int, points: Float[np.ndarray, "points 3"], floor: float | None
    ) -> ObjectFrame:
        """`points`: visible cloud, world metres. Reads every frame that may see the region once."""
        box = box_of(points)
        reach = max(self.reach, self.reach_share * 2 * box.scale)
        lowest = None if floor is None else floor - self.floor_slack
        region = _grown(box, reach, lowest)
        grid = grid_over(region, 2 * float(region.half_extents.max()) / self.voxels)
        permitted = carve(
            scene.frames(frames_facing(scene, grid)),
            grid,
            object_id=object_id,
            depth_sigma=scene.depth_sigma,
            min_votes=self.min_votes,
            margin=self.margin,
        )
        kept = self._near(grid, points, permitted, reach, floor)
        return self._box(grid, points, kept, lowest)

    def _near(
        self, grid: VoxelGrid, points: np.ndarray, permitted: np.ndarray, reach: float, floor: float | None
    ) -> np.ndarray:
        """Permitted voxels near and connected to the cloud, and the column below them down to what was carved."""
        own: np.ndarray = np.zeros(grid.shape, bool)
        at = np.clip(np.rint(world_to_voxel(grid, points)).astype(int), 0, np.array(grid.shape) - 1)
        own[tuple(at.T)] = True
        distance = ndimage.distance_transform_edt(~own) * grid.spacing
        steps = int(np.ceil(reach / grid.spacing))
        near = _spread(own, (permitted & (distance <= reach)) | own, steps=steps)
        if floor is None:
            return near
        footprint = near.any(axis=2, keepdims=True)
        return _spread(near, (permitted & footprint) | near, steps=grid.shape[2])

    def _box(self, grid: VoxelGrid, points: np.ndarray, kept: np.ndarray, lowest: float | None) -> ObjectFrame:
        centers = voxel_centers(grid)[kept & ~ndimage.binary_erosion(kept)]
        signs = np.stack(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], indexing="ij"), -1).reshape(-1, 3)
        corners = (centers[:, None] + signs * grid.spacing @ grid.frame.rotation.T).reshape(-1, 3)
        tight = box_of(np.concatenate([points, corners]))
        return _grown(tight, (self.inflation - 1) * tight.half_extents, lowest, clip=True)


def _grown(box: ObjectFrame, by: float | np.ndarray, lowest: float | None, *, clip: bool = False) -> ObjectFrame:
    """The box grown by metres on every side; its bottom at `lowest` where that is known (`clip`: not below it)."""
    half = box.half_extents + by
    low, high = box.center[2] - half[2], box.center[2] + half[2]
    if lowest is not None:
        low = max(low, lowest) if clip else lowest
    center = np.array([box.center[0], box.center[1], (low + high) / 2])
    return ObjectFrame(center, box.rotation, np.array([half[0], half[1], (high - low) / 2]))


def _spread(
    seeds: Bool[np.ndarray, "x y z"], within: Bool[np.ndarray, "x y z"], *, steps: int
) -> Bool[np.ndarray, "x y z"]:
    """Voxels of `within` that are reached from `seeds` in so many steps to one of the 26 neighbours."""
    return ndimage.binary_dilation(seeds, np.ones((3, 3, 3)), iterations=steps, mask=within)
