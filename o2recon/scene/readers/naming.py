"""Which number a picture's name gives its frame, and which files of other folders belong to it."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from o2recon.scene.capture import Capture, Picture
from o2recon.scene.images import Kind, file_picture
from o2recon.scene.readers.colmap_depth_maps import KINDS, depth_map_picture
from o2recon.scene.readers.npy import npy_picture

NUMBERED = re.compile(r"(.*?)(\d{1,9})")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
ID_SUFFIXES = (".png", ".PNG")
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
MAX_PATH, MAX_PART = 2000, 200
"""Characters of a path and of each of its parts."""


def frame_numbers(names: Sequence[str]) -> tuple[int, ...]:
    """Frame number of each picture: the one its name ends with, where all names are alike up to different numbers.

    `images/frame_00012.jpg` is frame 12. Otherwise the place in the order of the names, digits compared as numbers.
    """
    found = [NUMBERED.fullmatch(PurePosixPath(name).stem) for name in names]
    matches = [match for match in found if match is not None]
    numbers = tuple(int(match[2]) for match in matches)
    if len(matches) == len(names) == len(set(numbers)) and len({match[1] for match in matches}) == 1:
        return numbers
    order = sorted(range(len(names)), key=lambda i: [_key(part) for part in re.split(r"(\d+)", names[i])])
    places = {position: place for place, position in enumerate(order)}
    return tuple(places[i] for i in range(len(names)))


def _key(part: str) -> tuple[int, str]:
    """Runs of digits by length and then by digit are in the order of their numbers, however long they are."""
    digits = part.lstrip("0") if part.isdigit() else ""
    return len(digits), digits or part


def inside(root: Path, name: str, source: str) -> Path:
    """The file that `source` names, below `root`. ValueError when the name leads out of it or is no name of a file."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if not name or parts.is_absolute() or PureWindowsPath(name).drive or ".." in parts.parts:
        raise ValueError(f"{source} names {name[:100]!r}: files must lie in {root}, named relative to it")
    if CONTROL.search(name) or len(name) > MAX_PATH or any(len(part) > MAX_PART for part in parts.parts):
        raise ValueError(f"{source} names {name[:100]!r}, which can be no file of {root}")
    return root / parts


OPENERS = {**dict.fromkeys(KINDS, depth_map_picture), ".npy": npy_picture}
"""Of depth that is no image."""


class Companions:
    """The files of `folder` that belong to pictures of other folders: same name below it, other suffix (PNG; depth also
    .npy or COLMAP's depth maps).

    `b/frame_0012.jpg` has `b/frame_0012.png`, `b/frame_0012.jpg.png` (as COLMAP names masks), `frame_0012.png` where no
    other of `names` ends alike, or `12.png` by the frame's number.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, kind: Kind) -> None:
        self.folder, self._kind = folder, kind
        self._flat = len({PurePosixPath(name).stem for name in names}) == len(names)

    def picture(self, name: str, index: int) -> Picture:
        """ValueError when there is none, or none that can hold what it should."""
        inner = PurePosixPath(name)
        stems = [str(inner.with_suffix("")), str(inner), *([inner.stem] if self._flat else []), str(index)]
        for stem in stems:
            for suffix, opened in OPENERS.items() if self._kind == "depth" else ():
                if (self.folder / f"{stem}{suffix}").is_file():
                    return opened(self.folder / f"{stem}{suffix}")
            for suffix in ID_SUFFIXES:
                path = self.folder / f"{stem}{suffix}"
                if path.is_file():
                    return file_picture(path, self._kind)
        raise ValueError(f"{self.folder / stems[0]}.png is missing")


def chosen_folder(root: Path, choice: str | None, usual: Sequence[str], option: str) -> Path | None:
    """The folder that an option names; with `auto` the first of `usual` that is there; with null none.

    ValueError when it is named and not there.
    """
    if choice is None:
        return None
    if choice == "auto":
        return next((root / name for name in usual if (root / name).is_dir()), None)
    if not (root / choice).is_dir():
        raise ValueError(f"{root / choice} is no folder: set {option} to a folder below {root}, auto or null")
    return root / choice


def truth_beside(root: Path) -> Path | None:
    """The folder of true meshes, where somebody put one into the capture's own."""
    return root / "groundtruth" if (root / "groundtruth").is_dir() else None


def check_shots(capture: Capture, root: Path, hint: str) -> Capture:
    """The capture; ValueError with the first damages when nothing of it can be used."""
    if capture.shots:
        return capture
    reasons = "; ".join(capture.damaged[i] for i in sorted(capture.damaged)[:2])
    raise ValueError(
        f"{root} holds no frame that can be used ({reasons or 'none is listed'}): {hint}; else export the capture again"
    )
