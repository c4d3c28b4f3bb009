"""Where O2-Recon's authors keep their hand-drawn masks: `only-seg-<scan>-obj<id>/<i>_class_inpaint mask.png`."""

import re
from collections.abc import Iterable
from pathlib import Path

SUFFIX = "_class_inpaint mask"


def published_sketches(places: Iterable[Path], scan: str, object_id: int) -> dict[int, Path]:
    """Sketches of one object by the number that its folder gives the view; those of later places win.

    A place is the folder that holds `only-seg-...`, or that folder itself.
    """
    found: dict[int, Path] = {}
    for place in places:
        for folder in sorted([place, *place.glob(f"only-seg-*-obj{object_id}")]):
            named = re.fullmatch(r"only-seg-(.+)-obj(\d+)", folder.name)
            if named and int(named[2]) == object_id and is_of_scan(named[1], scan):
                files = {f.stem.removesuffix(SUFFIX): f for f in folder.glob(f"*{SUFFIX}.png")}
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
