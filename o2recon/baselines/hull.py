"""The permitted volume near the object, as if all of it were the object: the upper bound that carving leaves."""

import numpy as np
import trimesh
from jaxtyping import Bool
from scipy.ndimage import binary_dilation, binary_fill_holes, distance_transform_edt, gaussian_filter

from o2recon.baselines.color import colored_by_views
from o2recon.baselines.tsdf import surface
from o2recon.cameras import pixel_centers, unproject
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.transforms import world_to_voxel
from o2recon.types import Frame, ObjectRecord, VoxelGrid
from o2recon.volume import Carving, frames_facing, object_grid
from o2recon.workspace import ObjectFolder


class Hull:
    """Carves the object's box with all usable frames; keeps what is within `reach` metres of the object's own points
    and connected to them, and what that encloses.

    `max_voxels`, `min_spacing`: as in BuildVolume. `min_votes`, `margin`: as in Carving. `color_margin`: metres that a
    vertex may be off a depth that colours it. A shorter reach scores better (3 cm: Chamfer 1.0 cm instead of 3.6 on an
    end table), but then it is the seen surface made thick, no longer an upper bound.
    """

    def __init__(
        self,
        *,
        max_voxels: int,
        min_spacing: float,
        min_votes: int,
        margin: float,
        reach: float,
        color_margin: float,
    ) -> None:
        self.max_voxels, self.min_spacing = max_voxels, min_spacing
        self.min_votes, self.margin, self.reach = min_votes, margin, reach
        self.color_margin = color_margin

    def __call__(self, scene: Scene, folder: ObjectFolder) -> trimesh.Trimesh:
        """The closed mesh in world metres, with vertex colours. ValueError when nothing was measured or permitted."""
        record = folder.read_record()
        grid = object_grid(record.frame, max_voxels=self.max_voxels, min_spacing=self.min_spacing)
        kept = self.kept(scene, record, grid)
        for axis in range(3):  # closed inside the box
            np.moveaxis(kept, axis, 0)[[0, -1]] = False
        inside, outside = distance_transform_edt(kept), distance_transform_edt(~kept)
        distance = gaussian_filter(np.where(kept, 0.5 - inside, outside - 0.5).astype(np.float32), 0.7)
        mesh = surface(grid, distance, np.ones(grid.shape, bool))
        return colored_by_views(mesh, folder, depth_sigma=scene.depth_sigma, margin=self.color_margin)

    def kept(self, scene: Scene, record: ObjectRecord, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
        """The permitted voxels that count as the object's. ValueError when there is none."""
        carving = Carving(
            grid=grid,
            object_id=record.object,
            depth_sigma=scene.depth_sigma,
            min_votes=self.min_votes,
            margin=self.margin,
        )
        own = np.zeros(grid.shape, bool)
        useful = frames_facing(scene, grid)
        for frame in track(scene.frames(useful), description="carve", total=len(useful)):
            carving.add(frame)
            _mark(own, frame, record.object, grid)
        permitted = carving.permitted()
        own &= permitted
        if not own.any():
            raise ValueError("no permitted voxel holds a measured point of the object: check depth images and poses")
        near = permitted & (distance_transform_edt(~own) * grid.spacing <= self.reach)
        return binary_fill_holes(binary_dilation(own, np.ones((3, 3, 3)), iterations=-1, mask=near))


def _mark(own: Bool[np.ndarray, "x y z"], frame: Frame, object_id: int, grid: VoxelGrid) -> None:
    """Set the voxels that hold a point which the frame measured on the object."""
    mask = (frame.instance == object_id) & (frame.depth > 0)
    world = unproject(frame.camera, frame.camera_to_world, pixel_centers(frame.camera)[mask], frame.depth[mask])
    index = np.rint(world_to_voxel(grid, world)).astype(int)
    index = index[((index >= 0) & (index < grid.shape)).all(1)]
    own[tuple(index.T)] = True
