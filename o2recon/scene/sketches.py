"""Where O2-Recon's authors keep their hand-drawn masks: `only-seg-<scan>-obj<id>/<i>_class_inpaint mask.png`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.matrices import read_pose
from o2recon.scene.painted import SKETCH_SUFFIX

OBJECT = re.compile(r"(?P<scan>.+)_obj_?(?P<id>\d{1,6})")
"""Name of an object's folder."""
SAME_POSE = 1e-3
"""Metres, and elements of rotations: the same photograph's pose in two files."""


def published_sketches(places: Iterable[Path], scan: str, object_id: int) -> dict[int, Path]:
    """Sketches of one object by the number that its folder gives the view; those of later places win.

    A place is the folder that holds `only-seg-...`, or that folder itself.
    """
    found: dict[int, Path] = {}
    for place in places:
        for folder in sorted([place, *place.glob(f"only-seg-*-obj{object_id}")]):
            named = re.fullmatch(r"only-seg-(.+)-obj(\d+)", folder.name)
            if named and int(named[2]) == object_id and is_of_scan(named[1], scan):
                files = {f.stem.removesuffix(SKETCH_SUFFIX): f for f in folder.glob(f"*{SKETCH_SUFFIX}.png")}
                found |= {int(number): file for number, file in files.items() if number.isascii() and number.isdigit()}
    return found


def is_of_scan(short: str, scan: str) -> bool:
    """Whether the middle of `only-seg-<short>-obj<id>` stands for this scan.

    ScanNet: the last 4 digits of the scene's number (scene0005_00 -> 0005). Replica: the room's name and number with a
    hyphen between them (room_0, room0 -> room-0).
    """
    scannet = re.match(r"scene(\d+)", scan)
    if scannet:
        return short == scannet[1][-4:]
    replica = re.match(r"([A-Za-z]+)[_-]?(\d+)", scan)
    return replica is not None and short == f"{replica[1]}-{replica[2]}"


def sketches_of_scan(
    places: Sequence[Path], scan: str, object_id: int, poses: Mapping[int, Float[np.ndarray, "4 4"]]
) -> dict[int, Path]:
    """Published sketches of one object by frame of its scan, whose `poses` (camera_to_world) are given.

    They are named by the views in the object's own folder, `<scan>_obj_<id>`, which must lie beside `only-seg-...`: its
    `pose/` says which frames these are. ValueError when it is not there, or when no frame has such a pose.
    """
    found = {}
    for number, file in published_sketches(places, scan, object_id).items():
        folder = _object_folder([file.parent.parent, *places], scan, object_id)
        if folder is None:
            raise ValueError(
                f"{file} is named by the object's own views: put {scan}_obj_{object_id} with its pose/ beside"
                f" {file.parent.name}, or take scene=o2recon_object"
            )
        pose = read_pose(folder / "pose" / f"{number}.txt")
        frame = min(poses, key=lambda index: float(np.abs(poses[index] - pose).max()))
        if np.abs(poses[frame] - pose).max() > SAME_POSE:
            raise ValueError(f"{folder / 'pose'}/{number}.txt is the pose of no usable frame of {scan}: remove {file}")
        found[frame] = file
    return found


def _object_folder(places: Iterable[Path], scan: str, object_id: int) -> Path | None:
    for place in places:
        for folder in sorted(place.glob(f"*_obj*{object_id}")):
            named = OBJECT.fullmatch(folder.name)
            same = named and named["scan"].removesuffix("_scannet") == scan.removesuffix("_scannet")
            if named and same and int(named["id"]) == object_id:
                return folder
    return None
