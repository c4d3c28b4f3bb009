"""Readers of Replica's rendered sequences, as NICE-SLAM and as vMAP published them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.readers.json_files import read_json
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.naming import check_shots, truth_beside
from o2recon.scene.readers.poses import Z_UP, pinhole, rigid
from o2recon.scene.readers.replica_classes import label_of, standard_labels
from o2recon.scene.readers.timed import read_numbers
from o2recon.scene.readers.units import MILLIMETRES, in_millimetres
from o2recon.scene.scene import Label

CAMERA = "cam_params.json"
CLASSES = "info_semantic.json"
MAX_BYTES = 1 << 26
NUMBER = re.compile(r"(\d{1,9})")


@dataclass(frozen=True)
class _Layout:
    """Where the files of one publication lie: folder and beginning of the name before the frame's number."""

    poses: str
    color: tuple[str, str]
    depth: tuple[str, str]
    instance: tuple[str, str] | None
    label: tuple[str, str] | None
    units_per_metre: float
    """Of depth, where the folder does not say."""


NICE_SLAM = _Layout("traj.txt", ("results", "frame"), ("results", "depth"), None, None, 6553.5)
VMAP = _Layout(
    poses="traj_w_c.txt",
    color=("rgb", "rgb_"),
    depth=("depth", "depth_"),
    instance=("semantic_instance", "semantic_instance_"),
    label=("semantic_class", "semantic_class_"),
    units_per_metre=MILLIMETRES,
)
PUBLISHED = {"w": 1200.0, "h": 680.0, "fx": 600.0, "fy": 600.0, "cx": 599.5, "cy": 339.5}
"""The camera of both publications, pixel centres at integers."""


class ReplicaReader:
    """NICE-SLAM's `traj.txt` and `results/frame*.jpg, depth*.png`, or vMAP's `traj_w_c.txt` with `rgb depth
    semantic_instance semantic_class` (`<folder>/<folder>_<i>.png`, also below `imap/<track>/`).

    Poses are rows of 16 numbers, camera_to_world in OpenCV's axes, +z up; row i belongs to the frame with number i (to
    the i-th file, when there are as many of both). Camera and units of depth come from `cam_params.json` in the folder
    or the one above (`camera: {w, h, fx, fy, cx, cy, scale}`), else they are those that were published. Depth is given
    in millimetres. NICE-SLAM's sequences have no ids: instance-filt/<frame>.png beside them is taken. Class names come
    from `info_semantic.json` if it is there, else they are Replica's. Sources: NICE-SLAM's configs/Replica/replica.yaml
    and src/utils/datasets.py; vMAP's dataset.py and README; class names of facebookresearch/Replica-Dataset.
    """

    def __init__(self, *, track: str) -> None:
        if not re.fullmatch(r"\w+", track):
            raise ValueError(f"scene.reader.track is {track!r}; it is the name of a folder in imap/, such as 00")
        self._track = track

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder, layout = self._layout(root)
        sequence = _Sequence.opened(root, folder, layout)
        shots, damaged = [], {}
        for place, number in enumerate(sorted(sequence.colors)):
            try:
                shots.append(sequence.shot(number, place))
            except ValueError as damage:
                damaged[number] = str(damage)
        files = (folder / layout.poses, sequence.camera_file, folder / CLASSES)
        capture = Capture(
            shots=tuple(shots),
            up=Z_UP,
            damaged=damaged,
            labels=_labels(folder / CLASSES) if layout.label is not None else {},
            files=tuple(path for path in files if path is not None and path.is_file()),
            groundtruth=truth_beside(root),
        )
        return check_shots(capture, root, f"images must lie in {layout.color[0]}/ and {layout.depth[0]}/")

    def _layout(self, root: Path) -> tuple[Path, _Layout]:
        candidates = (root, root / "imap" / self._track)
        for folder in candidates:
            for layout in (NICE_SLAM, VMAP):
                if (folder / layout.poses).is_file():
                    return folder, layout
        raise ValueError(
            f"{root} holds neither {NICE_SLAM.poses} (NICE-SLAM) nor {VMAP.poses} (vMAP; also looked for in"
            f" imap/{self._track}): set scene.root to one sequence of Replica"
        )


@dataclass(frozen=True)
class _Sequence:
    """One sequence, its tables read: poses by row, images by frame number."""

    root: Path
    folder: Path
    layout: _Layout
    poses: Float[np.ndarray, "poses 4 4"]
    camera_file: Path | None
    camera: Mapping[str, float]
    colors: Mapping[int, Path]
    depths: Mapping[int, Path]

    @classmethod
    def opened(cls, root: Path, folder: Path, layout: _Layout) -> "_Sequence":
        """ValueError when a table or folder is missing or damaged."""
        camera_file = next((path for path in (folder / CAMERA, folder.parent / CAMERA) if path.is_file()), None)
        return cls(
            root=root,
            folder=folder,
            layout=layout,
            poses=_poses(folder / layout.poses),
            camera_file=camera_file,
            camera=read_camera(camera_file),
            colors=_files(folder, layout.color),
            depths=_files(folder, layout.depth),
        )

    def shot(self, number: int, place: int) -> Shot:
        """The frame, `place`-th of all. ValueError, naming the file, when something of it is missing or damaged."""
        row = place if len(self.colors) == len(self.poses) else number
        if number not in self.depths or row >= len(self.poses):
            raise ValueError(f"{self.colors[number]} has no {'depth' if row < len(self.poses) else 'pose'}")
        color, depth = file_picture(self.colors[number], "color"), file_picture(self.depths[number], "depth")
        return Shot(
            index=number,
            camera_to_world=rigid(self.poses[row], f"{self.folder / self.layout.poses}, row {row + 1}"),
            lens=_lens(self.camera, color, self.camera_file or color.source),
            color=color,
            depth=in_millimetres(depth, self.camera.get("scale", self.layout.units_per_metre)),
            instance=_ids(self.folder, self.layout.instance, number) or instance_beside(self.root, number),
            label=_ids(self.folder, self.layout.label, number),
        )


def read_camera(path: Path | None) -> dict[str, float]:
    """Numbers of cam_params.json; those that were published without a file. ValueError when the file is damaged."""
    if path is None:
        return dict(PUBLISHED)
    keys = (*PUBLISHED, "scale")
    try:
        values = {key: float(_json(path)["camera"][key]) for key in keys}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path} must hold 'camera' with {', '.join(keys)} as numbers: copy it again") from error
    if not all(math.isfinite(value) and 0 < value < 1e6 for value in values.values()):
        raise ValueError(f"{path}: every number must be above 0 and below 1e6: copy it again")
    return values


def _lens(camera: Mapping[str, float], color: Picture, source: Path | str) -> Lens:
    if color.size != (camera["w"], camera["h"]):
        size = "{}x{}".format(*color.size)
        raise ValueError(
            f"{color.source} is {size}, its camera is for {camera['w']:g}x{camera['h']:g}: write {CAMERA} beside the"
            " trajectory"
        )
    principal = (camera["cx"] + 0.5, camera["cy"] + 0.5)
    return Lens(pinhole((camera["fx"], camera["fy"]), principal, color.size, str(source)))


def _poses(path: Path) -> Float[np.ndarray, "poses 4 4"]:
    numbers = [value for row in read_numbers(path) for value in row]
    if not numbers or len(numbers) % 16:
        raise ValueError(f"{path} holds {len(numbers)} numbers: 16 for each frame are needed")
    return np.array(numbers).reshape(-1, 4, 4)


def _files(folder: Path, where: tuple[str, str]) -> dict[int, Path]:
    """Images by frame number. ValueError when the folder is missing."""
    name, start = where
    if not (folder / name).is_dir():
        raise ValueError(f"{folder / name} is missing: it must hold {start}<number>.png or .jpg")
    files = {}
    for path in sorted((folder / name).iterdir()):
        number = NUMBER.fullmatch(path.stem.removeprefix(start)) if path.stem.startswith(start) else None
        if number is not None and path.suffix.lower() in (".png", ".jpg", ".jpeg"):
            files[int(number[1])] = path
    return files


def _ids(folder: Path, where: tuple[str, str] | None, number: int) -> Picture | None:
    """None where the whole folder is missing. ValueError when it lacks this frame."""
    if where is None or not (folder / where[0]).is_dir():
        return None
    return file_picture(folder / where[0] / f"{where[1]}{number}.png", "ids")


def _labels(path: Path) -> dict[int, Label]:
    """Classes of info_semantic.json, Replica's own where the file is missing. ValueError when it is damaged."""
    if not path.is_file():
        return standard_labels()
    try:
        entries = [(int(e["id"]), str(e["name"]), e.get("nyu40")) for e in _json(path)["classes"]]
        return {i: label_of(i, name, None if nyu40 is None else int(nyu40)) for i, name, nyu40 in entries}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path} must hold 'classes', each with id and name: copy it again") from error


def _json(path: Path) -> dict[str, Any]:
    content = read_json(path, max_bytes=MAX_BYTES, remedy="copy it again")
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no JSON file with names and values: copy it again")
    return content
