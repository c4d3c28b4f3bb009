"""Reader of nerfstudio's and Blender's `transforms.json` captures."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Capture, Picture, Shot
from o2recon.scene.images import Kind, file_picture
from o2recon.scene.labels import find_table, read_labels
from o2recon.scene.readers.masks import alpha_picture, mask_picture, one_object, valid_only
from o2recon.scene.readers.naming import (
    IMAGE_SUFFIXES,
    Companions,
    check_shots,
    chosen_folder,
    frame_numbers,
    inside,
    truth_beside,
)
from o2recon.scene.readers.npy import npy_picture
from o2recon.scene.readers.ply_points import read_ply_points
from o2recon.scene.readers.poses import Z_UP
from o2recon.scene.readers.transforms_json import (
    Entry,
    carried,
    lens_of,
    number,
    pose_of,
    read_transforms,
    saved_to_original,
    text,
)

FILE, BLENDER_FILES = "transforms.json", ("transforms_train.json", "transforms_val.json", "transforms_test.json")
COLOR_KEYS, MASK_KEYS = ("file_path", "rgb_path"), ("mask_path",)
DEPTH_KEYS = ("depth_file_path", "depth_path")
INSTANCE_KEYS = ("instance_path", "instance_file_path")
LABEL_KEYS = ("semantic_path", "label_path")
INSTANCE_FOLDERS = ("instances", "instance", "instance-filt")
LABEL_FOLDERS = ("labels", "label", "label-filt", "semantic")
MASKS = ("valid", "object", None)
WORLDS = ("original", "saved")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listed:
    """One frame of a file: `shared` is the file's top level."""

    path: Path
    frame: Entry
    shared: Entry
    name: str


class NerfstudioReader:
    """`transforms.json`, or Blender's `transforms_{train,val,test}.json` together, with the images it names.

    Cameras have OpenGL's axes there. Intrinsics of a frame win over those of the file; files without them give the
    angle of view (`camera_angle_x`). Paths lie below `root`; suffixes may be missing. Depth is a 16-bit PNG in units of
    `depth_scale` metres (0.001 for nerfstudio) or a .npy file; where the file says its own `integer_depth_scale`, both
    must agree.

    `file`: another name than these. `world`: `original` undoes `applied_transform` and `applied_scale`, so that results
    lie where COLMAP (or what else made the poses) had them; `saved` keeps the file's own. `masks`, what `mask_path`
    means: `valid` (as in nerfstudio: pixels that may be used; depth is dropped elsewhere), `object` (the one object of
    the capture, id 1; without `mask_path` where the image is opaque) or null (nothing). `instances`, `labels`: folders
    with one PNG per image, of the same name or the frame's number, where the frames do not name theirs
    (`instance_path`, `semantic_path`); `auto` for the usual ones if they are there, null for none.

    Up is +z of the saved world, as nerfstudio has it, unless poses come from COLMAP (`colmap_im_id`,
    `applied_transform`): there it is only the first camera's, and the capture does not say. `orientation_override:
    none`, which gravity-aligned exports carry, says +z again. Sources: see transforms_json. ValueError as in Reader.
    """

    def __init__(
        self,
        *,
        file: str | None,
        world: str,
        masks: str | None,
        instances: str | None,
        labels: str | None,
        depth_scale: float,
    ) -> None:
        if world not in WORLDS:
            raise ValueError(f"scene.reader.world is {world}; it may be {' or '.join(WORLDS)}")
        if masks not in MASKS:
            raise ValueError(f"scene.reader.masks is {masks}; it may be valid, object or null")
        self._file, self._world, self._masks = file, world, masks
        self._instances, self._labels, self._depth_scale = instances, labels, depth_scale

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        paths = self._paths(root)
        listed = self._listed(paths)
        transform, scale = self._to_world(listed, paths[0])
        names = [entry.name for entry in listed]
        folders = {
            kind: Companions(path, names, kind="ids")
            for kind, path in (
                ("instance", chosen_folder(root, self._instances, INSTANCE_FOLDERS, "scene.reader.instances")),
                ("label", chosen_folder(root, self._labels, LABEL_FOLDERS, "scene.reader.labels")),
            )
            if path is not None
        }
        shots, damaged = [], {}
        for index, entry in zip(frame_numbers(names), listed, strict=True):
            try:
                shots.append(self._shot(root, index, entry, folders, transform, scale))
            except ValueError as damage:
                damaged[index] = str(damage)
        table = find_table(root) if any(shot.label is not None for shot in shots) else None
        points, ply = self._points(root, listed, transform)
        capture = Capture(
            shots=tuple(sorted(shots, key=lambda shot: shot.index)),
            up=_direction(transform[:3, :3] @ Z_UP) if _says_up(listed) else None,
            damaged=damaged,
            labels=read_labels(table) if table else {},
            points=points,
            groundtruth=truth_beside(root),
            files=(*paths, *ply, *([table] if table else [])),
        )
        return check_shots(capture, root, f"the images must lie where {paths[0].name} says")

    # ---- the files ----

    def _paths(self, root: Path) -> list[Path]:
        names = [self._file] if self._file is not None else [FILE]
        found = [root / name for name in names if (root / name).is_file()]
        if self._file is None and not found:
            found = [root / name for name in BLENDER_FILES if (root / name).is_file()]
        if not found:
            raise ValueError(f"{root / names[0]} is missing: set scene.root to its folder, or scene.reader.file")
        return found

    def _listed(self, paths: list[Path]) -> list[_Listed]:
        """All frames, each image once. ValueError when one names no image, or depth has another unit."""
        listed: dict[str, _Listed] = {}
        for path in paths:
            shared, frames = read_transforms(path)
            unit = number(shared, "integer_depth_scale", self._depth_scale, str(path))
            if abs(unit - self._depth_scale) > 1e-3 * self._depth_scale:
                raise ValueError(f"{path}: integer_depth_scale is {unit:g}: set scene.depth_scale={unit:g}")
            for place, frame in enumerate(frames):
                name = text(frame, COLOR_KEYS, f"{path}, frame {place}")
                if name is None:
                    raise ValueError(f"{path}, frame {place} names no image: file_path must be there")
                listed.setdefault(name, _Listed(path, frame, shared, name))
        if not listed:
            raise ValueError(f"{paths[0]} lists no frames: export the capture again")
        return list(listed.values())

    def _to_world(self, listed: list[_Listed], path: Path) -> tuple[Float[np.ndarray, "4 4"], float]:
        if self._world == "saved":
            return np.eye(4), 1.0
        return saved_to_original(listed[0].shared, str(path))

    def _points(
        self, root: Path, listed: list[_Listed], transform: Float[np.ndarray, "4 4"]
    ) -> tuple[Float[np.ndarray, "points 3"] | None, tuple[Path, ...]]:
        """Those of ply_file_path: in the saved world before applied_scale, as nerfstudio reads them."""
        source = str(listed[0].path)
        name = text(listed[0].shared, ("ply_file_path",), source)
        if name is None:
            return None, ()
        path = inside(root, name, source)
        if not path.is_file():
            log.warning("%s names %s, which is not there: no sparse points", source, name)
            return None, ()
        return read_ply_points(path) @ transform[:3, :3].T + transform[:3, 3], (path,)

    # ---- one frame ----

    def _shot(
        self,
        root: Path,
        index: int,
        entry: _Listed,
        folders: dict[str, Companions],
        transform: Float[np.ndarray, "4 4"],
        scale: float,
    ) -> Shot:
        source = f"{entry.path}, {entry.name[:100]!r}"
        color = file_picture(_with_suffix(inside(root, entry.name, str(entry.path))), "color")
        mask = self._mask(root, entry, Path(color.source))
        depth = self._picture(root, entry, DEPTH_KEYS, "depth")
        instance = self._picture(root, entry, INSTANCE_KEYS, "ids")
        label = self._picture(root, entry, LABEL_KEYS, "ids")
        if instance is None and "instance" in folders:
            instance = folders["instance"].picture(entry.name, index)
        if label is None and "label" in folders:
            label = folders["label"].picture(entry.name, index)
        if mask is not None and self._masks == "valid" and depth is not None:
            depth = valid_only(depth, mask)
        if mask is not None and self._masks == "object" and instance is None:
            instance = one_object(mask)
        return Shot(
            index=index,
            camera_to_world=carried(pose_of(entry.frame, source), transform, scale),
            lens=lens_of(entry.frame, entry.shared, color.size, source),
            color=color,
            depth=depth,
            instance=instance,
            label=label,
        )

    def _mask(self, root: Path, entry: _Listed, color: Path) -> Picture | None:
        """That of mask_path; without one, the opacity of the image may be the object."""
        name = text(entry.frame, MASK_KEYS, str(entry.path))
        if name is None or self._masks is None:
            return alpha_picture(color) if self._masks == "object" else None
        return mask_picture(inside(root, name, str(entry.path)))

    def _picture(self, root: Path, entry: _Listed, keys: tuple[str, ...], kind: Kind) -> Picture | None:
        name = text(entry.frame, keys, str(entry.path))
        if name is None:
            return None
        path = inside(root, name, str(entry.path))
        return npy_picture(path) if kind == "depth" and path.suffix == ".npy" else file_picture(path, kind)


def _with_suffix(path: Path) -> Path:
    """The image itself where the file leaves out its suffix, as Blender's do."""
    if path.is_file():
        return path
    return next((p for p in (path.with_name(path.name + end) for end in IMAGE_SUFFIXES) if p.is_file()), path)


def _direction(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    return vector / np.linalg.norm(vector)


def _says_up(listed: list[_Listed]) -> bool:
    shared = listed[0].shared
    if shared.get("orientation_override") == "none":
        return True
    return shared.get("applied_transform") is None and not any("colmap_im_id" in entry.frame for entry in listed)
