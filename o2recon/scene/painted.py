"""Files of painted masks of hidden parts: which there are, and what is in one."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from o2recon.scene.headers import read_header

SKETCH_SUFFIX = "_class_inpaint mask"

log = logging.getLogger(__name__)


class Thinned:
    """Whether `scene.frame_skip` leaves frames of a scan out; how many sketches go with them is told once for all."""

    def __init__(self, frame_skip: int) -> None:
        self._frame_skip, self._is_told = frame_skip, False

    def __bool__(self) -> bool:
        return self._frame_skip > 1

    def tell(self, folders: Iterable[Path], usable: Collection[int]) -> None:
        """Log it, unless that was done before."""
        if self._is_told:
            return
        self._is_told = True
        views = [f.stem.removesuffix(SKETCH_SUFFIX) for d in folders for f in d.glob(f"[0-9]*/*{SKETCH_SUFFIX}.png")]
        gone = sum(view.isascii() and view.isdigit() and int(view) not in usable for view in views)
        told = "%d of %d sketches are left out: scene.frame_skip=%d leaves out their frames"
        log.warning(told, gone, len(views), self._frame_skip)


def painted_files(
    folders: Sequence[Path], object_id: int, *, usable: Collection[int], skipped: Mapping[int, str], thinned: Thinned
) -> dict[int, Path]:
    """`<folder>/<object>/<view>_class_inpaint mask.png` by view; later folders win.

    Those of damaged frames are left out, logged; of others that are not usable too when the capture is `thinned`.
    ValueError for a view that the capture does not have.
    """
    found = {}
    for folder in folders:
        for path in sorted((folder / str(object_id)).glob(f"*{SKETCH_SUFFIX}.png")):
            view = path.stem.removesuffix(SKETCH_SUFFIX)
            number = int(view) if view.isascii() and view.isdigit() else -1
            if number in usable:
                found[number] = path
            elif number in skipped:
                log.warning("%s is left out: its frame is damaged", path)
            elif thinned and number >= 0:
                thinned.tell(folders, usable)
            else:
                raise ValueError(f"{path}: the scan has no frame '{view}': name sketches by frame number")
    return found


def read_painted(path: Path, grids: set[tuple[int, int]]) -> UInt8[np.ndarray, "rows columns"]:
    """The image, 0 to 255. ValueError when it is damaged or has the shape (width : height) of none of `grids`."""
    try:
        read_header(path)
    except ValueError as error:
        raise ValueError(f"{error}: paint it again, or remove the file") from error
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path} cannot be read as an image: save it again as PNG")
    height, width = image.shape
    if all(abs(width * h - height * w) > max(w, h) for w, h in grids):
        sizes = " or ".join(f"{w}x{h}" for w, h in sorted(grids))
        raise ValueError(f"{path} is {width}x{height}: paint it on the view's image, which is {sizes}")
    return np.asarray(image)
