"""Reader of ARKitScenes: timed images, one intrinsics file per image and a timed trajectory."""

import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.readers.confidence import checked_level, confident_depth
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import MAX_POSITION, Z_UP, pinhole
from o2recon.scene.readers.timed import MAX_TIME, TimedFiles, paired, read_numbers
from o2recon.scene.readers.trajectory import Trajectory

NAME = re.compile(r"(.*_)?(\d+\.\d+)\.(png|pincam)")
TOLERANCE = 0.005
"""Seconds between an image and its pose or depth: that of the data set's own loader."""


class ArkitScenesReader:
    """`lowres_wide/<video>_<seconds>.png`, `lowres_depth/`, `lowres_wide_intrinsics/*.pincam`, `lowres_wide.traj` and,
    in the raw data, `confidence/`; the root is the folder that holds them (`<video>` or `<video>_frames`) or the one
    above.

    A line of the trajectory holds seconds, an axis-angle rotation and a translation of world_to_camera; camera axes are
    OpenCV's, the world is metric and has +z up. A .pincam holds width, height, focal lengths and principal point, pixel
    coordinates counted from the image's corner. Images belong together within 5 ms; those without depth or pose are
    left out. Depth is in millimetres; where confidence (0 low, 1 medium, 2 high) is below `min_confidence` it is
    dropped. `color`: which images, `lowres_wide` (the size of depth), `vga_wide` or `wide`.

    Sources: ARKitScenes' DATA.md, threedod/benchmark_scripts/utils/tenFpsDataLoader.py and box_utils.py; its issue 78
    for the upright world.
    """

    def __init__(self, *, color: str, min_confidence: int) -> None:
        if not re.fullmatch(r"\w+", color):
            raise ValueError(f"scene.reader.color is {color}: name a folder of images, usually lowres_wide")
        self._color, self._least = color, checked_level(min_confidence)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        root = _frames_folder(root)
        colors, depths = timed_files(root / self._color), timed_files(root / "lowres_depth")
        lenses = timed_files(root / f"{self._color}_intrinsics", ".pincam")
        trajectory = read_axis_angles(root / "lowres_wide.traj")
        with_depth, with_lens = (paired(colors.times, other.times, TOLERANCE) for other in (depths, lenses))
        poses = trajectory.at(colors.times, TOLERANCE)
        found = [i for i in sorted(with_depth) if i in with_lens and np.isfinite(poses[i]).all()]
        if not found:
            raise ValueError(f"{root}: none of {len(colors.files)} images has depth, intrinsics and pose within 5 ms")
        shots, damaged = [], {}
        for index in found:
            try:
                color = file_picture(colors.files[index], "color")
                depth_file = depths.files[with_depth[index]]
                depth = confident_depth(depth_file, root / "confidence" / depth_file.name, self._least)
                pincam = lenses.files[with_lens[index]]
                lens = read_pincam(pincam, color)
                ids = instance_beside(root, index)
                shots.append(Shot(index, poses[index], lens, color, depth, instance=ids, files=(pincam,)))
            except ValueError as damage:
                damaged[index] = str(damage)
        return Capture(tuple(shots), Z_UP, damaged, files=(root / "lowres_wide.traj",))


def timed_files(folder: Path, suffix: str = ".png") -> TimedFiles:
    """Files named `<video>_<seconds><suffix>`. ValueError when there are none."""
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    matches = (NAME.fullmatch(name) for name in names if name.endswith(suffix))
    entries = sorted((float(match[2]), folder / match[0]) for match in matches if match is not None)
    if not entries:
        raise ValueError(
            f"{folder} holds no <video>_<seconds>{suffix}: set scene.root to the frames of an ARKitScenes scan"
        )
    return TimedFiles(np.array([time for time, _ in entries]), tuple(path for _, path in entries))


def read_axis_angles(path: Path) -> Trajectory:
    """camera_to_world out of `seconds axis-angle translation` lines of world_to_camera; others are left out."""
    rows = [row for row in read_numbers(path) if len(row) == 7]
    table = np.array(rows, float).reshape(-1, 7)
    table = table[(np.abs(table) < [MAX_TIME, *[MAX_POSITION] * 6]).all(1)]
    times, first = np.unique(table[:, 0], return_index=True)
    if len(times) < 2:
        raise ValueError(f"{path} holds fewer than two poses: each line must be seconds, axis-angle and translation")
    camera_from_world = Rotation.from_rotvec(table[first, 1:4])
    world_from_camera = camera_from_world.inv()
    positions = -world_from_camera.apply(table[first, 4:])
    return Trajectory(times, np.column_stack([positions, world_from_camera.as_quat()]))


def read_pincam(path: Path, color: Picture) -> Lens:
    """`width height fx fy cx cy`. ValueError when the file is none, or is for images of another shape."""
    rows = read_numbers(path)
    if len(rows) != 1 or len(rows[0]) != 6:
        raise ValueError(f"{path} must hold one line: width height fx fy cx cy")
    width, height, fx, fy, cx, cy = rows[0]
    if (width, height) != color.size:
        raise ValueError(
            f"{path} is for images of {width:g}x{height:g}, {color.source} is {color.size[0]}x{color.size[1]}"
        )
    return Lens(pinhole((fx, fy), (cx, cy), color.size, str(path)))


def _frames_folder(root: Path) -> Path:
    inner = sorted(root.glob("*_frames"))
    if not (root / "lowres_wide.traj").is_file() and len(inner) == 1:
        return inner[0]
    return root
