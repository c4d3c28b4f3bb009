"""What a reader says of a capture before any image is decoded: frames, lenses, poses, and where each picture lies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Shaped

from o2recon.scene.scene import Label
from o2recon.types import Camera


@dataclass(frozen=True)
class Lens:
    """A camera as files give it: pinhole with OpenCV's distortion, pixel centres at +0.5.

    `distortion`: k1 k2 p1 p2 [k3 [k4 k5 k6]] of OpenCV's perspective model, or with `fisheye` k1 k2 k3 k4 of its
    fisheye model; empty when the images have none. `camera` has the size of the images as they are stored.
    """

    camera: Camera
    distortion: tuple[float, ...] = ()
    fisheye: bool = False


@dataclass(frozen=True)
class Picture:
    """One image of a frame, read when needed. `read` raises DamagedFrame, naming `source`, when it cannot be decoded.

    It gives what is stored: colour as uint8 RGB (rows, columns, 3); depth as one channel in the file's units, 0 where
    nothing was measured; ids as one channel of integers, 0 = unlabelled. `stamp` changes when the file does.
    """

    source: str
    """Path, or archive and member, as messages name it."""
    size: tuple[int, int]
    """Width and height, pixels, from the header."""
    stamp: str
    read: Callable[[], Shaped[np.ndarray, "rows columns *channels"]]


@dataclass(frozen=True)
class Shot:
    """One frame as the capture has it. Pictures of one shot share one centre of projection, `camera_to_world`."""

    index: int
    """Frame number; names the frame in messages and in everything made from it."""
    camera_to_world: Float[np.ndarray, "4 4"]
    """OpenCV axes (+x right, +y down, +z forward); the capture's own world and unit of length."""
    lens: Lens
    """Of `color`."""
    color: Picture
    depth: Picture | None = None
    depth_lens: Lens | None = None
    """None: depth lies on the colour camera, scaled to its own size."""
    instance: Picture | None = None
    """On the colour camera, scaled to its own size, unless its size is depth's and not colour's, or `id_lens` says."""
    label: Picture | None = None
    id_lens: Lens | None = None
    """Of `instance` and `label`, where they lie elsewhere."""
    files: tuple[Path, ...] = ()
    """Further files of this frame alone, such as its pose, whose change is a change of the capture."""


@dataclass(frozen=True)
class Capture:
    """All that a reader knows. `damaged`: frames that the capture lists and that cannot be used, with the reason."""

    shots: tuple[Shot, ...]
    up: Float[np.ndarray, "3"] | None
    """Unit vector in the capture's world; None when the capture does not say."""
    damaged: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[int, Label] = field(default_factory=dict)
    thinned: bool = False
    """The reader left out all but every n-th frame already: opening those alone is quicker."""
    points: Float[np.ndarray, "points 3"] | None = None
    """Sparse points in the capture's world, where there are any (COLMAP, nerfstudio, Record3D)."""
    files: tuple[Path, ...] = ()
    """Further files whose change is a change of the capture: tables, intrinsics, poses."""
    groundtruth: Path | None = None
    sketches: Mapping[int, Mapping[int, Path]] = field(default_factory=dict)
    """Painted masks of hidden parts that lie with the capture under other names than ours, by object and frame."""
    name: str | None = None
    """Of the scan, where one folder holds several; None: the folder's."""
    only: int | None = None
    """Id of the one object that a capture knows; it is not taken for the floor, even where depth shows nothing else."""


@runtime_checkable
class Reader(Protocol):
    """Opens one layout: reads poses, intrinsics and headers of all frames, never a whole image.

    ValueError, one line that names file and remedy, when the folder is no such capture.
    """

    def __call__(self, root: Path) -> Capture: ...
