"""What nerfstudio's and Blender's `transforms.json` says: numbers checked, lenses and poses in OpenCV's terms.

Sources: nerfstudio's docs/quickstart/data_conventions.md, data/dataparsers/nerfstudio_dataparser.py,
process_data/colmap_utils.py and data/datamanagers/full_images_datamanager.py (which coefficients are OpenCV's);
instant-ngp's docs/nerf_dataset_tips.md (camera_angle_x, integer_depth_scale); NeRF's Blender scenes.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Lens
from o2recon.scene.readers.colmap import fitted
from o2recon.scene.readers.colmap_cameras import MAX_SIDE
from o2recon.scene.readers.json_files import read_json
from o2recon.scene.readers.poses import OPENGL, pinhole, rigid

MAX_BYTES = 1 << 27
"""Largest file that is read: a frame takes about 1 kB."""
FARTHEST = 1e9
"""Units from the origin: no number of a pose is larger."""
PERSPECTIVE = frozenset({"SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV"})
FISHEYE = "OPENCV_FISHEYE"

Entry = Mapping[str, Any]


def read_transforms(path: Path) -> tuple[Entry, tuple[Entry, ...]]:
    """Top level and frames of one file. ValueError, naming it, when it is no such file."""
    content = read_json(path, max_bytes=MAX_BYTES, remedy="export the capture again")
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise ValueError(f"{path} has no list 'frames': it must be nerfstudio's transforms.json")
    return content, tuple(frames)


def text(entry: Entry, keys: tuple[str, ...], source: str) -> str | None:
    """The first of these keys that is there. ValueError when it is no text."""
    for key in keys:
        value = entry.get(key)
        if value is not None:
            if not isinstance(value, str) or not value:
                raise ValueError(f"{source}: {key} must be the path of a file")
            return value.replace("\\", "/")
    return None


def lens_of(frame: Entry, shared: Entry, size: tuple[int, int], source: str) -> Lens:
    """The lens of a frame whose image has this size; the frame's own numbers win over the file's.

    Pixel centres are at +0.5 in nerfstudio and in COLMAP, where its numbers come from. An image of another size than w
    and h is taken for a scaled one. ValueError, naming `source`, for numbers and models that cannot be used.
    """
    numbers = _Numbers((frame, shared), source)
    width, height = numbers.get("w", float(size[0])), numbers.get("h", float(size[1]))
    if not (0 < width < MAX_SIDE and 0 < height < MAX_SIDE):
        raise ValueError(f"{source}: images of {width:g}x{height:g} pixels: w and h must be 1 to {MAX_SIDE - 1}")
    focal = _focal(numbers, width, height)
    principal = numbers.get("cx", width / 2), numbers.get("cy", height / 2)
    camera = pinhole(focal, principal, (round(width), round(height)), source)
    model = str(frame.get("camera_model", shared.get("camera_model", "OPENCV")))
    fisheye = model == FISHEYE or frame.get("is_fisheye", shared.get("is_fisheye", False)) is True
    if not fisheye and model not in PERSPECTIVE:
        allowed = ", ".join([*sorted(PERSPECTIVE), FISHEYE])
        raise ValueError(f"{source}: camera_model {model[:40]!r} cannot be undistorted; it may be {allowed}")
    return fitted(Lens(camera, _distortion(numbers, fisheye=fisheye), fisheye), size, source)


def pose_of(frame: Entry, source: str) -> Float[np.ndarray, "4 4"]:
    """camera_to_world in OpenCV axes, from OpenGL's. ValueError when there is no matrix or no rigid motion."""
    pose = matrix(frame, "transform_matrix", source)
    if np.abs(pose).max() > FARTHEST:
        raise ValueError(f"{source}: the camera is farther than {FARTHEST:g} units from the origin")
    return rigid(pose @ OPENGL, source)


def number(entry: Entry, key: str, default: float, source: str) -> float:
    """A finite number. ValueError when it is none."""
    return _Numbers((entry,), source).get(key, default)


def matrix(entry: Entry, key: str, source: str) -> Float[np.ndarray, "4 4"]:
    """A 3x4 or 4x4 list of rows. ValueError when it is none."""
    rows = entry.get(key)
    rows = rows if isinstance(rows, list) and len(rows) in (3, 4) else [None]
    if not all(isinstance(row, list) and len(row) == 4 and all(map(_is_number, row)) for row in rows):
        raise ValueError(f"{source}: {key} must be 3 or 4 rows of 4 numbers")
    return np.array([[float(value) for value in row] for row in [*rows, [0, 0, 0, 1]][:4]])


def saved_to_original(shared: Entry, source: str) -> tuple[Float[np.ndarray, "4 4"], float]:
    """Inverse of applied_transform (a similarity), and applied_scale, by which only saved positions were multiplied.

    saved = applied_scale * applied_transform(original). ValueError when they cannot be undone.
    """
    scale = number(shared, "applied_scale", 1.0, source)
    there = shared.get("applied_transform") is not None
    applied = matrix(shared, "applied_transform", source) if there else np.eye(4)
    linear = applied[:3, :3]
    factor = float(np.cbrt(np.linalg.det(linear))) if np.abs(applied).max() < FARTHEST else 0.0
    if not (factor > 1e-6 and 1e-6 < scale < 1e6) or np.abs(linear.T @ linear / factor**2 - np.eye(3)).max() > 1e-3:
        raise ValueError(
            f"{source}: applied_transform and applied_scale are no similarity that can be undone: set"
            " scene.reader.world=saved to stay in the file's own world"
        )
    return np.linalg.inv(applied), scale


def carried(pose: Float[np.ndarray, "4 4"], transform: Float[np.ndarray, "4 4"], scale: float) -> np.ndarray:
    """A pose of the saved world in the original one; its rotation stays orthonormal."""
    moved = pose.copy()
    moved[:3, 3] /= scale
    moved = transform @ moved
    moved[:3, :3] /= np.cbrt(np.linalg.det(transform[:3, :3]))
    return moved


class _Numbers:
    """Finite numbers by key, from the first of some entries that has them."""

    def __init__(self, entries: tuple[Entry, ...], source: str) -> None:
        self._entries, self.source = entries, source

    def get(self, key: str, default: float) -> float:
        for entry in self._entries:
            if entry.get(key) is not None:
                if not _is_number(entry[key]):
                    raise ValueError(f"{self.source}: {key} must be a finite number, it is {str(entry[key])[:40]!r}")
                return float(entry[key])
        return float(default)


def _is_number(value: object) -> bool:
    """Not true of booleans, of nan, and of integers that no float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _focal(numbers: _Numbers, width: float, height: float) -> tuple[float, float]:
    """fl_x, fl_y; else from the angles of view; the same in both directions where only one is given."""
    lengths = []
    for key, angle_key, side in (("fl_x", "camera_angle_x", width), ("fl_y", "camera_angle_y", height)):
        length, angle = numbers.get(key, 0.0), numbers.get(angle_key, 0.0)
        if not length and 0 < angle < math.pi:
            length = side / 2 / math.tan(angle / 2)
        lengths.append(length)
    return lengths[0] or lengths[1], lengths[1] or lengths[0]


def _distortion(numbers: _Numbers, *, fisheye: bool) -> tuple[float, ...]:
    """OpenCV's coefficients. nerfstudio's perspective k4 (of r^8) is none of them."""
    k1, k2, k3, k4, p1, p2 = (numbers.get(key, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if fisheye:
        return k1, k2, k3, k4
    if k4:
        raise ValueError(f"{numbers.source}: k4 of a perspective camera cannot be undistorted by OpenCV: it must be 0")
    return (k1, k2, p1, p2, k3) if k3 else (k1, k2, p1, p2) if any((k1, k2, p1, p2)) else ()
