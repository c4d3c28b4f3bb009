"""Carving: where the object cannot be, because some frames saw through that place or saw something else there."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float

from o2recon.types import Frame, VoxelGrid
from o2recon.volume import projection_kernels as kernels
from o2recon.volume.projection import Projection, project_grid
from o2recon.volume.threads import over_planes


class Carving:
    """Votes of frames against voxels.

    A voxel is removed when at least `min_votes` frames saw past it (z < d - (half a voxel + 2 sigma + `margin`) at
    every pixel of its footprint), or when at least `min_votes` frames saw another surface right there. The footprint's
    nearest depth decides, so a voxel that a thin leg touches stays; one pixel without depth in it, and no vote.
    """

    def __init__(
        self,
        *,
        grid: VoxelGrid,
        object_id: int,
        depth_sigma: Callable[[np.ndarray], np.ndarray],
        min_votes: int,
        margin: float,
    ):
        self.grid, self.object_id, self.depth_sigma = grid, object_id, depth_sigma
        self.min_votes, self.margin = min_votes, margin
        self.past = torch.zeros(grid.shape, dtype=torch.int16)
        self.other = torch.zeros(grid.shape, dtype=torch.int16)

    def add(self, frame: Frame, seen: Projection | None = None) -> None:
        """Let one frame vote. `seen`: where the grid's voxels lie in it, when that is known already."""
        seen = project_grid(self.grid, frame) if seen is None else seen
        if not np.isfinite(seen.nearest):
            return
        radius = self._footprint(frame, seen.nearest)
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        nearest = cv2.erode(frame.depth, kernel)
        sigma = self.depth_sigma(nearest)
        limit = nearest - (self.grid.spacing / 2 + 2 * sigma + self.margin)

        farthest = cv2.dilate(frame.depth, kernel)
        smooth = (nearest > 0) & (farthest - nearest < 0.05 + 4 * sigma)
        own = cv2.dilate((frame.instance == self.object_id).astype(np.uint8), kernel) > 0
        surface = np.where(smooth & ~own, frame.depth, -1)
        band = np.where(surface > 0, self.grid.spacing / 2 + sigma, 0)
        images = [image.astype(np.float32).ravel() for image in (limit, surface, band)]
        past, other = self.past.numpy(), self.other.numpy()
        over_planes(lambda a, b: kernels.vote(seen.pixel, seen.z, *images, a, b, past, other), len(past))

    def permitted(self) -> Bool[np.ndarray, "x y z"]:
        """True where the object may be: an upper bound, never the object itself."""
        removed = (self.past >= self.min_votes) | (self.other >= self.min_votes)
        return (~removed).numpy()

    def _footprint(self, frame: Frame, nearest_z: float) -> int:
        pixels = self.grid.spacing / 2 * float(frame.camera.intrinsics[0, 0]) / max(nearest_z, 0.3)
        return int(np.clip(np.ceil(pixels), 1, 5))


def carve(
    frames: Iterable[Frame],
    grid: VoxelGrid,
    *,
    object_id: int,
    depth_sigma: Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]],
    min_votes: int,
    margin: float,
) -> Bool[np.ndarray, "x y z"]:
    """The permitted volume of an object from all frames of a scan (`rules`: carving)."""
    carving = Carving(grid=grid, object_id=object_id, depth_sigma=depth_sigma, min_votes=min_votes, margin=margin)
    for frame in frames:
        carving.add(frame)
    return carving.permitted()
