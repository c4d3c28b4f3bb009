"""Reader of TUM RGB-D folders: timed lists of images and a timed trajectory."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from o2recon.scene.capture import Capture, Lens, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import MAX_POSITION, Z_UP, pinhole
from o2recon.scene.readers.timed import MAX_TIME, TimedFiles, paired, read_files, read_numbers
from o2recon.scene.readers.trajectory import Trajectory

LENSES = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "freiburg2": (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
    "ros": (525.0, 525.0, 319.5, 239.5),
}
"""fx fy cx cy [k1 k2 p1 p2 k3] of the colour cameras, as the benchmark's page of file formats gives them."""
LENS_SIZES = (4, 8, 9)

log = logging.getLogger(__name__)


class TumReader:
    """`rgb.txt`, `depth.txt` (`time file`), `groundtruth.txt` (`time tx ty tz qx qy qz qw`, camera_to_world).

    Each colour image takes the nearest depth image and the pose at its own time, both within `max_difference` seconds,
    as the benchmark's associate.py does with 0.02 (poses are interpolated between neighbours); images without a partner
    are left out. Frames are numbered by file names that are numbers, else by their place in rgb.txt. Depth lies on the
    colour camera. The motion capture's world has +z up, which holds for sequences named freiburg1, 2 or 3 and those of
    our writer; elsewhere the capture does not say. Pixel centres are at integers.

    `intrinsics`: `auto` (calibration.txt of the folder, else by the name freiburg1, 2 or 3 in its path), one of these
    names, `ros` (525 pixels without distortion, what the benchmark recommends because its depth was registered to
    colour before undistortion) or fx fy cx cy [k1 k2 p1 p2 [k3]] themselves. `trajectory`: file of the poses.
    calibration.txt (fx fy cx cy [...] in one line) is what SurfelMeshing, BAD SLAM and ETH3D's SLAM benchmark add.

    Sources: cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats and .../tools; libvis' rgbd_video_io_tum_dataset.h.
    """

    def __init__(self, *, intrinsics: str | Sequence[float | int], trajectory: str, max_difference: float) -> None:
        if isinstance(intrinsics, str) and intrinsics not in ("auto", *LENSES):
            raise ValueError(f"scene.reader.intrinsics is {intrinsics}; it may be auto, {', '.join(LENSES)} or numbers")
        if not isinstance(intrinsics, str) and len(intrinsics) not in LENS_SIZES:
            raise ValueError(
                f"scene.reader.intrinsics holds {len(intrinsics)} numbers: give fx fy cx cy [k1 k2 p1 p2 [k3]]"
            )
        if not max_difference > 0:
            raise ValueError(f"scene.reader.max_difference is {max_difference}: give seconds above 0, usually 0.02")
        self._intrinsics, self._trajectory, self._tolerance = intrinsics, trajectory, max_difference

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        colors, depths = read_files(root, "rgb.txt"), read_files(root, "depth.txt")
        trajectory_file = root / self._trajectory
        trajectory, written_by_us = read_trajectory(trajectory_file)
        numbers, source = self._lens(root)
        pairs = paired(colors.times, depths.times, self._tolerance)
        poses = trajectory.at(colors.times, self._tolerance)
        posed = ~np.isnan(poses[:, 0, 0])
        self._check(root, colors, depths, trajectory, pairs, posed)
        shots, damaged = [], {}
        indices = _frame_numbers(colors.files)
        for place in sorted(i for i in pairs if posed[i]):
            index = indices[place]
            try:
                color = file_picture(colors.files[place], "color")
                depth = file_picture(depths.files[pairs[place]], "depth")
                ids = instance_beside(root, index)
            except ValueError as damage:
                damaged[index] = str(damage)
                continue
            (fx, fy, cx, cy), distortion = numbers[:4], numbers[4:]
            lens = Lens(pinhole((fx, fy), (cx + 0.5, cy + 0.5), color.size, source), distortion)
            shots.append(Shot(index, poses[place], lens, color, depth, instance=ids))
        files = [root / "rgb.txt", root / "depth.txt", trajectory_file, root / "calibration.txt"]
        up = Z_UP if written_by_us or _sensor(root) else None
        return Capture(tuple(shots), up, damaged, files=tuple(file for file in files if file.is_file()))

    def _lens(self, root: Path) -> tuple[tuple[float, ...], str]:
        """Numbers of the colour camera and what they come from."""
        if not isinstance(self._intrinsics, str):
            return tuple(float(value) for value in self._intrinsics), "scene.reader.intrinsics"
        if self._intrinsics != "auto":
            return LENSES[self._intrinsics], f"the lens of {self._intrinsics}"
        file = root / "calibration.txt"
        if file.is_file():
            rows = read_numbers(file)
            if len(rows) != 1 or len(rows[0]) not in LENS_SIZES:
                raise ValueError(f"{file} must hold one line: fx fy cx cy [k1 k2 p1 p2 [k3]]")
            return rows[0], str(file)
        sensor = _sensor(root)
        if sensor is None:
            raise ValueError(
                f"{root} has no calibration.txt and no freiburg1, 2 or 3 in its path: set scene.reader.intrinsics"
                " to [fx, fy, cx, cy] or add [k1, k2, p1, p2, k3]"
            )
        return LENSES[sensor], f"the lens of {sensor}"

    def _check(
        self,
        root: Path,
        colors: TimedFiles,
        depths: TimedFiles,
        trajectory: Trajectory,
        pairs: dict[int, int],
        posed: np.ndarray,
    ) -> None:
        """ValueError when nothing fits together; else how much does is logged."""
        found = sum(bool(posed[i]) for i in pairs)
        counts = f"{len(colors.files)} colour, {len(depths.files)} depth images and {len(trajectory.times)} poses"
        if found == 0:
            spans = ", ".join(f"{t[0]:.3f} to {t[-1]:.3f} s" for t in (colors.times, depths.times, trajectory.times))
            raise ValueError(
                f"{root}: of {counts} none are within {self._tolerance:g} s of each other ({spans}): use one clock"
                " for all three files, or raise scene.reader.max_difference"
            )
        log.info("%s: %d frames out of %s", root.name, found, counts)


def read_trajectory(path: Path) -> tuple[Trajectory, bool]:
    """Poses of a `time tx ty tz qx qy qz qw` file, and whether our writer's comment says that +z is up.

    Lines without a pose (nan, or a quaternion far from unit length) are left out, as are repeated times.
    """
    rows = read_numbers(path)
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != 8), None)
    if wrong is not None:
        raise ValueError(f"{path}: line {wrong} with numbers has {len(rows[wrong - 1])}, a pose has 8")
    table = np.array(rows, float).reshape(-1, 8)
    table = table[(np.abs(table) < [MAX_TIME, *[MAX_POSITION] * 7]).all(1)]
    table = table[np.abs(np.linalg.norm(table[:, 4:], axis=1) - 1) < 1e-2]
    _, first = np.unique(table[:, 0], return_index=True)
    if len(first) < 2:
        raise ValueError(f"{path} holds fewer than two poses: each line must be time tx ty tz qx qy qz qw")
    with open(path, errors="replace") as file:
        return Trajectory(table[first, 0], table[first, 1:]), UP_COMMENT in file.read(1000)


UP_COMMENT = "# up: +z"
"""Stands in the trajectories that we write."""


def _frame_numbers(files: Sequence[Path]) -> list[int]:
    """Those that the files are named by, where all are; else their place in the list (files named by time)."""
    stems = [file.stem for file in files]
    numbers = [int(stem) for stem in stems if stem.isdecimal() and len(stem) < 10]
    return numbers if len(set(numbers)) == len(stems) else list(range(len(stems)))


def _sensor(root: Path) -> str | None:
    """freiburg1, 2 or 3 where the path names one."""
    parts = "/".join(root.resolve().parts[-2:])
    return next((name for name in ("freiburg1", "freiburg2", "freiburg3") if name in parts), None)
