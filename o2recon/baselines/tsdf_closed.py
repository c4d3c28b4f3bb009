"""Fuse, then close: the open fused surface, closed by screened Poisson reconstruction."""

import numpy as np
import trimesh

from o2recon.baselines.color import colored_by_views
from o2recon.baselines.poisson import screened_poisson
from o2recon.baselines.tsdf import Tsdf, surface
from o2recon.mesh import kept_faces, split
from o2recon.scene import Scene
from o2recon.transforms import grid_over, world_to_voxel
from o2recon.types import ObjectFrame
from o2recon.workspace import ObjectFolder


class TsdfClosed:
    """The surface of `Tsdf`, its faces taken as oriented samples, closed by screened Poisson reconstruction.

    It is what people do to a fused scan that has to be closed. Written here (see `screened_poisson`), because the
    well-kept implementations come with Open3D (a large dependency for one function) or PyMeshLab (GPL). Pieces of the
    fused surface smaller than `min_area_share` of its area are dropped first: specks blow up to blobs. `screening`,
    `iterations`: see `screened_poisson`. The box grows by `pad` of its size on every side; outside is empty.
    """

    def __init__(self, *, surface: Tsdf, min_area_share: float, screening: float, iterations: int, pad: float) -> None:
        self.surface, self.min_area_share = surface, min_area_share
        self.screening, self.iterations, self.pad = screening, iterations, pad

    def __call__(self, scene: Scene, folder: ObjectFolder) -> trimesh.Trimesh:
        """The closed mesh in world metres, with vertex colours. ValueError when no surface could be fused."""
        record = folder.read_record()
        mesh = self.closed(self.surface.fused(scene, record), record.frame)
        return colored_by_views(mesh, folder, depth_sigma=scene.depth_sigma, margin=self.surface.color_margin)

    def closed(self, mesh: trimesh.Trimesh, frame: ObjectFrame) -> trimesh.Trimesh:
        """A closed mesh through an open one (world, metres), on the grid of its fusion over the grown box."""
        pieces = split(mesh)
        mesh = kept_faces(mesh, (pieces.area >= self.min_area_share * pieces.area.sum())[pieces.label])
        grown = ObjectFrame(frame.center, frame.rotation, frame.half_extents * (1 + 2 * self.pad))
        spacing = self.surface.grid(frame).spacing
        grid = grid_over(grown, spacing)
        indicator = screened_poisson(
            world_to_voxel(grid, mesh.triangles_center),
            mesh.face_normals @ frame.rotation,
            mesh.area_faces / spacing**2,
            grid.shape,
            screening=self.screening,
            iterations=self.iterations,
        )
        return surface(grid, -indicator, np.ones(grid.shape, bool))
