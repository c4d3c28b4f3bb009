"""Masks that the user gives: one picture per view."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from o2recon.masks.painted import files_fingerprint
from o2recon.types import Camera
from o2recon.workspace import read_image

KINDS = ("complete", "hidden")


class GivenMasks:
    """`<folder>/<object>/<view>.png` for every chosen view: one channel, at the size of the view's image; brighter than
    half the brightest pixel is in the mask, so both 0/1 and 0/255 will do.

    `kind`: 'complete' masks show the whole object as if nothing stood in front, 'hidden' ones only what is covered; an
    all-black one says that nothing is.
    """

    def __init__(self, *, folder: str | None, kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"masks.given.kind is '{kind}': choose one of {', '.join(KINDS)}")
        self.folder, self.kind = folder, kind

    def inputs(self, object_id: int) -> dict[str, str]:
        """A hash of the object's files; of none when there are none, which `read` will say."""
        place = self._place(object_id)
        return {"given": files_fingerprint(place.glob("*.png") if place is not None else ())}

    def watched(self, object_id: int) -> list[Path]:
        """The object's files, with * for the view."""
        place = self._place(object_id)
        return [] if place is None else [place / "*.png"]

    def read(self, object_id: int, views: Sequence[int], camera: Camera) -> dict[int, Bool[np.ndarray, "height width"]]:
        """The masks of the views as they are given. ValueError for a missing, unreadable or unfitting one."""
        place = self._place(object_id)
        if place is None:
            raise ValueError("masks.mode is 'given': name the folder of <object>/<view>.png with masks.given.folder=")
        if not place.is_dir():
            raise ValueError(f"{place} is no folder: masks.mode=given reads <view>.png from it (masks.given.folder)")
        if missing := [v for v in views if not (place / f"{v}.png").is_file()]:
            raise ValueError(
                f"{place} has no mask for views {', '.join(map(str, missing))}: add <view>.png for each of them, all"
                f" black where nothing is {'hidden' if self.kind == 'hidden' else 'to be seen'}"
            )
        return {v: _read(place / f"{v}.png", camera) for v in views}

    def _place(self, object_id: int) -> Path | None:
        return None if self.folder is None else Path(self.folder) / str(object_id)


def _read(file: Path, camera: Camera) -> Bool[np.ndarray, "height width"]:
    image = read_image(file)
    height, width = image.shape[:2]
    if image.ndim != 2 or (width, height) != (camera.width, camera.height):
        raise ValueError(
            f"{file} is {width}x{height} with {1 if image.ndim == 2 else image.shape[2]} channels, not"
            f" {camera.width}x{camera.height} with one: save it as a grey PNG of that size"
        )
    return image > image.max() / 2
