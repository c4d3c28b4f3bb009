"""Reader of O2-Recon's object folders: the views of one object, or of all objects of a scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.matrices import check_identity, read_camera, read_pose
from o2recon.scene.scene import Label
from o2recon.scene.sketches import OBJECT, published_sketches
from o2recon.scene.training_folder import read_category

LABELS = 100_000
"""Label of object 0: above all label ids that mean background."""
VIEWS = 10_000
"""In a folder of several objects, view i of object n is frame 10,000 n + i."""


@dataclass(frozen=True)
class Taken:
    """View `number` in the folder of one object."""

    folder: Path
    object_id: int
    number: int


class O2ReconObjectReader:
    """`scannet/object_original_with_clip/<scene>_scannet_obj_<id>/` as a capture of the views chosen for that object:
    `origin_image depth pose intrinsic`, and ids from `inst/`, corrected by the object's own `mask/`.

    The folder above it, which holds several objects of a scan, is one capture of all their views; the same photograph
    in two of them, known by its pose, counts once. Only objects that have a folder have a category (`semantic.txt`) and
    are kept. `scan` chooses one where there are several: the folders' names up to `_obj_`. `sketches`: folder of the
    authors' `only-seg-...` folders, which are also found beside the objects' folders and inside of them.
    """

    def __init__(self, *, scan: str | None, sketches: str | Path | None) -> None:
        self.scan, self.sketches = scan, None if sketches is None else Path(sketches)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        scan, objects = self._objects(root)
        frames, damaged = _frames(objects, several=root not in objects.values())
        shots = []
        for index, views in sorted(frames.items()):
            try:
                shots.append(_shot(index, views, tuple(objects)))
            except ValueError as error:
                damaged[index] = str(error)
        labels = {LABELS + i: Label(LABELS + i, read_category(folder), -1) for i, folder in objects.items()}
        texts = [f / name for f in objects.values() for name in ("semantic.txt", "clip_scores.json")]
        for folder in objects.values():
            texts += sorted((folder / "intrinsic").glob("*.txt"))
        return Capture(
            shots=tuple(shots),
            up=np.array([0.0, 0.0, 1.0]),
            damaged=damaged,
            labels=labels,
            files=tuple(f for f in texts if f.is_file()),
            groundtruth=root / "groundtruth" if (root / "groundtruth").is_dir() else None,
            sketches=self._sketches(scan, objects, frames),
            name=None if root in objects.values() else scan,
        )

    def _objects(self, root: Path) -> tuple[str, dict[int, Path]]:
        """The scan's name and its objects' folders by id: `root` itself, or those in it."""
        single = (root / "origin_image").is_dir()
        named = [(OBJECT.fullmatch(f.resolve().name), f) for f in ([root] if single else sorted(root.iterdir()))]
        found: dict[str, dict[int, Path]] = {}
        for match, folder in named:
            if match and (folder / "origin_image").is_dir():
                found.setdefault(match["scan"], {})[int(match["id"])] = folder
        if not found:
            raise ValueError(
                f"{root} is no <scene>_scannet_obj_<id> with origin_image/ and holds none: set scene.root to one"
                " object's folder, or to the folder above it"
            )
        if self.scan is not None and self.scan not in found:
            raise ValueError(f"scene.reader.scan={self.scan} is not in {root}: it holds {_some(sorted(found))}")
        if self.scan is None and len(found) > 1:
            raise ValueError(f"{root} holds objects of several scans: choose scene.reader.scan={_some(sorted(found))}")
        scan = self.scan if self.scan is not None else next(iter(found))
        return scan, dict(sorted(found[scan].items()))

    def _sketches(
        self, scan: str, objects: Mapping[int, Path], frames: Mapping[int, Sequence[Taken]]
    ) -> dict[int, dict[int, Path]]:
        """Painted masks by object and frame. ValueError for one of a view that the object's folder does not have."""
        index = {(t.object_id, t.number): i for i, views in frames.items() for t in views}
        found: dict[int, dict[int, Path]] = {}
        for object_id, folder in objects.items():
            places = [folder.parent, folder] + ([] if self.sketches is None else [self.sketches])
            files = published_sketches(places, scan, object_id)
            if missing := [f for number, f in files.items() if (object_id, number) not in index]:
                raise ValueError(f"{missing[0]}: {folder} has no usable view of that number: remove the sketch")
            if files:
                found[object_id] = {index[object_id, number]: file for number, file in sorted(files.items())}
        return found


def _frames(objects: Mapping[int, Path], *, several: bool) -> tuple[dict[int, list[Taken]], dict[int, str]]:
    """The views that are one photograph, by frame number; what is damaged."""
    frames: dict[int, list[Taken]] = {}
    known: dict[bytes, int] = {}
    damaged = {}
    for object_id, folder in objects.items():
        for number in _numbers(folder):
            index = VIEWS * object_id + number if several else number
            try:
                pose = read_pose(folder / "pose" / f"{number}.txt")
            except ValueError as error:
                damaged[index] = str(error)
                continue
            if several:
                index = known.setdefault(np.round(pose, 6).tobytes(), index)
            frames.setdefault(index, []).append(Taken(folder, object_id, number))
    return frames, damaged


def _numbers(folder: Path) -> list[int]:
    """Of the views, below VIEWS."""
    stems = [f.stem for f in (folder / "origin_image").iterdir() if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return sorted(n for n in {int(s) for s in stems if s.isascii() and s.isdigit()} if n < VIEWS)


def _shot(index: int, views: Sequence[Taken], objects: tuple[int, ...]) -> Shot:
    first = views[0]
    folder, number = first.folder, first.number
    color = file_picture(_image(folder, number), "color")
    depth = file_picture(folder / "depth" / f"{number}.png", "depth")
    for kind in ("color", "depth"):
        check_identity(folder / "intrinsic" / f"extrinsic_{kind}.txt")
    own = folder / "intrinsic" / "intrinsic_depth.txt"
    masks = [(t.object_id, file_picture(t.folder / "mask" / f"{t.number}.png", "color")) for t in views]
    file = folder / "inst" / f"{number}.png"
    ids = file_picture(file, "ids") if file.is_file() else None
    size, source = (masks[0][1].size, masks[0][1].source) if ids is None else (ids.size, ids.source)
    stamp = " ".join(p.stamp for p in ([] if ids is None else [ids]) + [m for _, m in masks])
    read = partial(_ids, ids, masks, size)
    return Shot(
        index=index,
        camera_to_world=read_pose(folder / "pose" / f"{number}.txt"),
        lens=Lens(read_camera(folder / "intrinsic" / "intrinsic_color.txt", *color.size)),
        color=color,
        depth=depth,
        depth_lens=Lens(read_camera(own, *depth.size)) if own.is_file() else None,
        instance=Picture(source, size, stamp, read),
        label=Picture(source, size, stamp, partial(_labels, read, objects)),
    )


def _image(folder: Path, number: int) -> Path:
    files = [folder / "origin_image" / f"{number}{suffix}" for suffix in (".jpg", ".png", ".jpeg", ".JPG", ".PNG")]
    return next((f for f in files if f.is_file()), files[0])


def _ids(
    ids: Picture | None, masks: Sequence[tuple[int, Picture]], size: tuple[int, int]
) -> Int[np.ndarray, "rows columns"]:
    """Ids of the frame; an object whose mask is there has its pixels, no more and no less."""
    found = np.zeros(size[::-1], np.int32) if ids is None else ids.read().astype(np.int32)
    for object_id, picture in masks:
        mask = picture.read()[..., 0]
        if mask.shape != found.shape:
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        found = np.where(mask > 127, object_id, np.where(found == object_id, 0, found)).astype(np.int32)
    return found


def _labels(read: partial[np.ndarray], objects: tuple[int, ...]) -> Int[np.ndarray, "rows columns"]:
    """Labels of the objects that have a folder, 0 elsewhere."""
    ids = read()
    return np.where(np.isin(ids, objects), LABELS + ids, 0).astype(np.int32)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
