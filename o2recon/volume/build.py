"""The volume stage: carve, fuse and complete one object on a voxel grid, from all frames of the scan."""

from typing import Any

import numpy as np
import torch

from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.transforms import grid_over
from o2recon.types import Frame, ObjectFrame, ObjectRecord, Volume, VoxelGrid
from o2recon.volume.carving import Carving
from o2recon.volume.completion import Completion
from o2recon.volume.fusion import Fusion
from o2recon.volume.observation import Observation
from o2recon.volume.projection import frames_facing, project_grid
from o2recon.workspace import ObjectFolder


class BuildVolume:
    """Writes `hull.npz`: the permitted volume, the completed signed distance, and where it was observed.

    The grid has about `max_voxels` voxels, but none finer than `min_spacing` metres. `carve` False leaves everything
    permitted (for ablation).
    """

    def __init__(
        self,
        *,
        max_voxels: int,
        min_spacing: float,
        min_votes: int,
        margin: float,
        truncation: float,
        behind: float,
        carve: bool,
        completion: Completion,
    ):
        self.max_voxels, self.min_spacing = max_voxels, min_spacing
        self.min_votes, self.margin = min_votes, margin
        self.truncation, self.behind, self.carve = truncation, behind, carve
        self.completion = completion

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Returns notes for the manifest. ValueError when no surface of the object could be fused."""
        record = folder.read_record()
        seen = self._observe(scene, record)
        sdf, evidence = self.completion(seen, record.floor)
        volume = Volume(seen.grid, seen.permitted.numpy(), sdf, evidence)
        folder.write_volume(volume)
        voxel = seen.grid.spacing**3
        return {
            "spacing_m": round(seen.grid.spacing, 5),
            "shape": list(seen.grid.shape),
            "permitted_m3": round(float(volume.permitted.sum()) * voxel, 5),
            "completed_m3": round(float((sdf < 0).sum()) * voxel, 5),
        }

    def grid(self, record: ObjectRecord) -> VoxelGrid:
        """The grid over the object's box."""
        return object_grid(record.frame, max_voxels=self.max_voxels, min_spacing=self.min_spacing)

    def _observe(self, scene: Scene, record: ObjectRecord) -> Observation:
        grid = self.grid(record)
        carving = Carving(
            grid=grid,
            object_id=record.object,
            depth_sigma=scene.depth_sigma,
            min_votes=self.min_votes,
            margin=self.margin,
        )
        fusion = Fusion(
            grid=grid,
            object_id=record.object,
            depth_sigma=scene.depth_sigma,
            truncation=self.truncation,
            behind=self.behind,
        )
        useful = frames_facing(scene, grid)
        for frame in track(scene.frames(useful), description="carve and fuse", total=len(useful)):
            self._add(frame, carving, fusion)
        permitted = torch.from_numpy(carving.permitted())
        return Observation(
            grid, fusion.distance(), fusion.weight, permitted, carving.past.float(), carving.other.float()
        )

    def _add(self, frame: Frame, carving: Carving, fusion: Fusion) -> None:
        seen = project_grid(fusion.grid, frame)
        if self.carve:
            carving.add(frame, seen)
        fusion.add(frame, seen)


def object_grid(frame: ObjectFrame, *, max_voxels: int, min_spacing: float) -> VoxelGrid:
    """The grid of about `max_voxels` voxels over a box, none finer than `min_spacing` metres."""
    volume = 8 * float(np.prod(frame.half_extents))
    return grid_over(frame, max(min_spacing, (volume / max_voxels) ** (1 / 3)))
