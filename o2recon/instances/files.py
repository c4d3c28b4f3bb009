"""Masks that some tracker wrote: images of ids, or one mask per object and frame."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from o2recon.instances.categories import read_categories
from o2recon.instances.images import Grid, read_ids
from o2recon.instances.listing import Listing, list_masks, spoken_categories
from o2recon.instances.scene import LARGEST_ID, InstanceScene
from o2recon.manifest import fingerprint
from o2recon.scene.scene import DamagedFrame, Scene

log = logging.getLogger(__name__)


class MaskFiles:
    """Ids from a folder of PNG files: `<frame>.png` with ids (8 or 16 bits, palette as DAVIS has it, or COCO's panoptic
    id = R + 256 G + 65536 B), `<object>/<frame>.png` or `<frame>/<object>.png` with one mask each.

    `layout`, `numbering`: see listing.py; None: found out. `names`: categories, a file or a mapping, see categories.py;
    None: names.yaml or names.json in the folder, else what the masks' names say. `void`: an id that means nothing;
    None: 255 in palette images, as DAVIS has it. Where masks of a frame overlap the smaller one is in front.
    """

    needs_depth = False
    runs_network = False

    def __init__(
        self,
        *,
        folder: str | Path | None,
        layout: str | None,
        numbering: str | None,
        names: str | Path | Mapping[Any, Any] | None,
        void: int | None,
    ) -> None:
        self.folder, self.layout, self.numbering = folder, layout, numbering
        self.names, self.void = names, void

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene with these ids; lists files and reads names. ValueError, one line, for what does not fit."""
        if self.folder is None:
            raise ValueError("instances=files needs instances.folder=FOLDER: masks as PNG files, ids or one per object")
        masks, frames = Path(self.folder), [*scene.poses, *scene.skipped]
        listing = list_masks(masks, frames, layout=self.layout, numbering=self.numbering)
        log.info("%s: %d frames with masks (%s, by %s)", masks, len(listing.files), listing.layout, listing.numbering)
        missing = [index for index in scene.indices if index not in listing.files]
        if missing:
            total = len(scene.indices)
            log.warning("%s: %d of %d frames have no mask, such as %d", masks, len(missing), total, missing[0])
        named = read_categories(self.names, masks)
        return InstanceScene(
            scene,
            ids=_Masks(scene, listing, self.void),
            categories=_categories(named, listing),
            background=True,
            identity=fingerprint([self.void, named, dict(listing.names), _stamps(listing)]),
        )


class _Masks:
    """Ids of a frame on the working grid."""

    def __init__(self, scene: Scene, listing: Listing, void: int | None) -> None:
        self._scene, self._listing, self._void, self._grid = scene, listing, void, Grid(scene)

    def __call__(self, index: int) -> Int[np.ndarray, "height width"]:
        """DamagedFrame when a file cannot be decoded."""
        camera = self._scene.camera
        ids = np.zeros((camera.height, camera.width), np.int32)
        smallest = np.full(ids.shape, np.iinfo(np.int64).max)
        for number, path in self._listing.files.get(index, ()):
            try:
                image = read_ids(path, void=self._void if number is None else None)
                there = self._grid(index, image, source=str(path))
            except ValueError as error:
                raise DamagedFrame(str(error)) from error
            if number is None:
                return there
            mask: Bool[np.ndarray, "height width"] = there > 0
            area = int(mask.sum())
            take = mask & (area < smallest)
            ids[take], smallest[take] = number, area
        return ids


def _categories(named: Mapping[str, str], listing: Listing) -> dict[int, str]:
    """By id: what the list of names says (of the id, or of the mask's name), else the mask's name itself."""
    categories = spoken_categories(listing)
    categories |= {number: named[name] for number, name in listing.names.items() if name in named}
    return categories | {
        int(key): name for key, name in named.items() if key.isdecimal() and 0 < int(key) <= LARGEST_ID
    }


def _stamps(listing: Listing) -> list[str]:
    """What changes when a file does."""
    stamps = []
    for frame in sorted(listing.files):
        for number, path in listing.files[frame]:
            status = path.stat()
            stamps.append(f"{frame} {number} {path.name} {status.st_size} {status.st_mtime_ns}")
    return stamps
