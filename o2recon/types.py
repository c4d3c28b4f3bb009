"""The frozen records that travel between stages.

Arrays are numpy: those of training, in torch, are in `tensors`. World: metres, +z up. Object frame: the unit sphere
that holds the object's gravity-aligned box. Images: row-major, pixel centres at +0.5.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8


@dataclass(frozen=True)
class Camera:
    """Pinhole camera without distortion; `intrinsics` in pixels, with pixel centres at +0.5."""

    intrinsics: Float[np.ndarray, "3 3"]
    width: int
    height: int


@dataclass(frozen=True)
class Frame:
    """One usable frame of a scan: colour, depth and instance ids on one pixel grid.

    `depth` is z in the camera frame, metres, 0 where nothing was measured. `instance` holds object ids, 0 = unlabelled.
    """

    index: int
    color: UInt8[np.ndarray, "height width 3"]
    depth: Float[np.ndarray, "height width"]
    instance: Int[np.ndarray, "height width"]
    camera: Camera
    camera_to_world: Float[np.ndarray, "4 4"]


@dataclass(frozen=True)
class ObjectFrame:
    """Where the object's box stands: x_world = center + scale * rotation @ x_object.

    The columns of `rotation` are the box axes in the world, the third one up. `half_extents` (metres) is half the box;
    `scale` (metres) is half its diagonal, so the box fits the unit sphere.
    """

    center: Float[np.ndarray, "3"]
    rotation: Float[np.ndarray, "3 3"]
    half_extents: Float[np.ndarray, "3"]

    @property
    def scale(self) -> float:
        return float(np.linalg.norm(self.half_extents))


@dataclass(frozen=True)
class VoxelGrid:
    """A regular grid over an object's box: where its voxels are, not what they hold. `spacing` in metres."""

    frame: ObjectFrame
    spacing: float
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Volume:
    """What all frames together say about space around the object, one value per voxel of `grid`.

    `permitted`: the object may be here (nothing saw through or past it). `sdf`: metres, > 0 outside, the fused and
    completed surface. `evidence`: 1 where the surface was observed, 0 where it was only completed.
    """

    grid: VoxelGrid
    permitted: Bool[np.ndarray, "x y z"]
    sdf: Float[np.ndarray, "x y z"]
    evidence: Float[np.ndarray, "x y z"]


@dataclass(frozen=True)
class ViewRecord:
    """One chosen view of an object: where it was taken from and what it is for."""

    index: int
    """Frame number in the scan; names the view's files."""
    camera: Camera
    camera_to_world: Float[np.ndarray, "4 4"]
    score: float
    """View score, higher is better; which score is said in the config."""
    held_out: bool
    """Every 8th chosen view is kept for validation."""
    correction: tuple[float, float] | None = None
    """What refining the poses changed: degrees, and cm at the object. None: `camera_to_world` is as it was given."""


@dataclass(frozen=True)
class ObjectRecord:
    """What `object.json` holds: one kept object of a scan."""

    scene: str
    object: int
    category: str
    frame: ObjectFrame
    views: tuple[ViewRecord, ...]
    floor: float | None
    """Height of the floor in the world, metres; None when no floor is known."""
    capture_to_world: Float[np.ndarray, "4 4"] | None = None
    """From the world of the capture's own files to ours (rotation and scale); None: they are the same."""


@dataclass(frozen=True)
class ObjectView:
    """One chosen view of one object, complete after in-painting. Masks are boolean and exclusive where said.

    `visible`: pixels with the object's id. `hidden`: covered and claimed (confirmed). `possible`: covered and only
    permitted. `unknown`: neither the mask nor a valid depth speaks. Everything else is background.
    `depth` (metres, z) is the scene's sensor depth; `object_depth` is the object's own: sensor depth where visible,
    completed where hidden. `normal`: camera frame (OpenCV), unit, pointing to the camera; 0 where none.
    `claim` in [0, 1]: how sure it is that a hidden pixel shows the object. `confidence` in [0, 1]: of colour, depth and
    normal; 1 where visible, what in-painting says of its own where hidden, else 0. `depth_sigma` (metres): standard
    deviation of `object_depth` beside the sensor's noise, where a network gave it; None: nowhere.
    """

    index: int
    camera: Camera
    camera_to_world: Float[np.ndarray, "4 4"]
    color: UInt8[np.ndarray, "height width 3"]
    depth: Float[np.ndarray, "height width"]
    visible: Bool[np.ndarray, "height width"]
    hidden: Bool[np.ndarray, "height width"]
    possible: Bool[np.ndarray, "height width"]
    unknown: Bool[np.ndarray, "height width"]
    object_depth: Float[np.ndarray, "height width"]
    normal: Float[np.ndarray, "height width 3"]
    claim: Float[np.ndarray, "height width"]
    confidence: Float[np.ndarray, "height width"]
    depth_sigma: Float[np.ndarray, "height width"] | None = None
