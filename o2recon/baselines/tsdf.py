"""Masked TSDF fusion: what was seen of the object, and nothing else. An open surface."""

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float
from skimage.measure import marching_cubes

from o2recon.baselines.color import colored_by_views
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import ObjectFrame, ObjectRecord, VoxelGrid
from o2recon.volume import Fusion, frames_facing, object_grid
from o2recon.workspace import ObjectFolder


class Tsdf:
    """Fuses the depth of all usable frames inside the object's mask (Curless and Levoy 1996), then marching cubes.

    `max_voxels`, `min_spacing`: as in BuildVolume. `truncation`, `behind`: as in Fusion, metres. With `observed_only`
    the surface is extracted where all eight corners of a cell have more than `min_weight` or, for objects seen from
    afar only, a tenth of the surface's median weight. Without it what no frame spoke of counts as empty, as widely used
    code has it: a second wall stands `behind` metres behind the seen one, by luck about where thin parts end.
    `color_margin`: metres that a vertex may be off a depth that colours it.
    """

    def __init__(
        self,
        *,
        max_voxels: int,
        min_spacing: float,
        truncation: float,
        behind: float,
        min_weight: float,
        observed_only: bool,
        color_margin: float,
    ) -> None:
        self.max_voxels, self.min_spacing = max_voxels, min_spacing
        self.truncation, self.behind = truncation, behind
        self.min_weight, self.observed_only, self.color_margin = min_weight, observed_only, color_margin

    def __call__(self, scene: Scene, folder: ObjectFolder) -> trimesh.Trimesh:
        """The open mesh in world metres, normals towards the cameras, with vertex colours.

        ValueError when no surface could be fused.
        """
        mesh = self.fused(scene, folder.read_record())
        return colored_by_views(mesh, folder, depth_sigma=scene.depth_sigma, margin=self.color_margin)

    def grid(self, frame: ObjectFrame) -> VoxelGrid:
        """The voxels on which an object is fused."""
        return object_grid(frame, max_voxels=self.max_voxels, min_spacing=self.min_spacing)

    def fused(self, scene: Scene, record: ObjectRecord) -> trimesh.Trimesh:
        """The same without colours."""
        grid = self.grid(record.frame)
        fusion = Fusion(
            grid=grid,
            object_id=record.object,
            depth_sigma=scene.depth_sigma,
            truncation=self.truncation,
            behind=self.behind,
        )
        useful = frames_facing(scene, grid)
        for frame in track(scene.frames(useful), description="fuse", total=len(useful)):
            fusion.add(frame)
        if not self.observed_only:
            spoken = torch.where(fusion.weight > 0, fusion.distance(), self.truncation)
            return surface(grid, spoken.numpy(), np.ones(grid.shape, bool))
        return surface(grid, fusion.distance().numpy(), self._observed(fusion))

    def _observed(self, fusion: Fusion) -> Bool[np.ndarray, "x y z"]:
        weight = fusion.weight
        measured = weight[(weight > 0) & (fusion.distance().abs() < fusion.grid.spacing)]
        typical = float(torch.median(measured)) if len(measured) else 0.0
        return (weight > min(self.min_weight, 0.1 * typical)).numpy()


def surface(
    grid: VoxelGrid, distance: Float[np.ndarray, "x y z"], observed: Bool[np.ndarray, "x y z"]
) -> trimesh.Trimesh:
    """The zero level of `distance` (> 0 outside) in cells whose eight corners are `observed`; world metres.

    ValueError when there is none.
    """
    cells = np.zeros_like(observed)  # scikit-image reads the mask of a cell at its last corner
    cells[1:, 1:, 1:] = observed[1:, 1:, 1:]
    for corner in np.ndindex(2, 2, 2):
        part = tuple(slice(c, n - 1 + c) for c, n in zip(corner, grid.shape, strict=True))
        cells[1:, 1:, 1:] &= observed[part]
    try:
        vertices, faces, _, _ = marching_cubes(distance, 0.0, mask=cells, gradient_direction="descent")
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"no surface on voxels of {grid.spacing * 1000:.0f} mm ({error}): the object's mask holds too little valid"
            " depth; check depth images and intrinsics"
        ) from error
    local = (vertices.astype(np.float64) - (np.array(grid.shape) - 1) / 2) * grid.spacing
    return trimesh.Trimesh(local @ grid.frame.rotation.T + grid.frame.center, faces, process=False)
