"""One folder of O2-Recon's training data: what each of its files says, on the grid of its 640x480 pictures."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.scene.images import Kind, decoded
from o2recon.scene.matrices import read_matrix
from o2recon.scene.registration import Registration
from o2recon.scene.scene import DamagedFrame
from o2recon.scene.training import PHOTOGRAPH, CenteredCrop, Normalization
from o2recon.types import Camera

NOTES = "o2recon.json"
"""Beside their files, when `o2recon convert` wrote the folder: what their layout has no room for."""
EXTRAS = ("visible", "claim", "confidence")
"""Folders beside theirs, when we wrote it: the photographed part of `mask/`, how sure a hidden pixel shows the object,
and how much a pixel's colour and depth are worth (outside of the mask 0: nothing is known, not even that it is empty)."""
REACH = 1.1
"""Of the unit sphere: depth beyond it is another surface's."""


@dataclass(frozen=True)
class TrainingView:
    """One view. `mask`: the whole object, photographed or in-painted; `visible`: its photographed part.

    `depth`: metres, what a camera measured, 0 where nothing is known of it. `object_depth`: the object's own, 0 where
    it has none. `claim`, `confidence`: in [0, 1], None where the folder does not say.
    """

    mask: Bool[np.ndarray, "height width"]
    visible: Bool[np.ndarray, "height width"]
    depth: Float[np.ndarray, "height width"]
    object_depth: Float[np.ndarray, "height width"]
    claim: Float[np.ndarray, "height width"] | None
    confidence: Float[np.ndarray, "height width"] | None


class TrainingFolder:
    """`root` holds `image mask depth pred_normal` and the rest of scene/training.py's layout.

    `image_size`: width and height of the photographs before they were cropped; None: what a folder that we wrote says,
    else ScanNet's.
    """

    def __init__(self, *, root: str | Path, image_size: Sequence[int] | None) -> None:
        self.root, self.image_size = Path(root), image_size
        self._registrations: dict[bytes, Registration] = {}

    @cached_property
    def crop(self) -> CenteredCrop:
        """ValueError when what the folder says of its photographs is no size."""
        file = self.root / NOTES
        if self.image_size is not None:
            return CenteredCrop.of((int(self.image_size[0]), int(self.image_size[1])))
        if not file.is_file():
            return CenteredCrop.of(PHOTOGRAPH)
        try:
            width, height = (int(n) for n in json.loads(file.read_text())["image_size"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{file} does not name the photographs' image_size: convert the object again") from error
        return CenteredCrop.of((width, height))

    @cached_property
    def normalization(self) -> Normalization:
        """ValueError when `trans_n2w.txt` is missing or no scale and shift."""
        file = self.root / "trans_n2w.txt"
        return Normalization.of(read_matrix(file), file)

    @property
    def object_id(self) -> int | None:
        """What the folder's name says; None when it says nothing."""
        found = re.search(r"_obj_?(\d+)", self.root.resolve().name)
        return int(found[1]) if found else None

    @property
    def category(self) -> str:
        """First line of `semantic.txt`; 'object' without it."""
        return read_category(self.root)

    def file(self, kind: str, index: int, suffix: str = ".png") -> Path:
        """Of one view; zeros before the number are of no account."""
        wanted = self.root / kind / f"{index:04d}{suffix}"
        other = self.root / kind / f"{index}{suffix}"
        return other if other.is_file() and not wanted.is_file() else wanted

    def indices(self) -> list[int]:
        """Numbers of the views that have an image. ValueError when there is none."""
        folder = self.root / "image"
        files = folder.iterdir() if folder.is_dir() else ()
        found = sorted({int(f.stem) for f in files if f.suffix == ".png" and f.stem.isascii() and f.stem.isdigit()})
        if not found:
            raise ValueError(f"{folder} holds no <number>.png: scene.root must be one folder of O2-Recon's training data")
        return found

    def read(self, index: int, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> TrainingView:
        """`camera`, `camera_to_world`: those of the view's picture. DamagedFrame when a file cannot be decoded."""
        size = (camera.width, camera.height)
        mask = self._picture("mask", index, size)
        assert mask is not None
        mask = mask > 127
        depth = self._depth(index, camera)
        inside = (depth > 0) & self._within_reach(depth, camera, camera_to_world)
        shown = self._picture("visible", index, size)
        visible = mask & (inside | (depth <= 0)) if shown is None else mask & (shown > 127)
        claim = self._picture("claim", index, size)
        return TrainingView(
            mask=mask,
            visible=visible,
            depth=np.where(mask & ~visible & inside, 0, depth).astype(np.float32),
            object_depth=np.where(mask & inside, depth, 0).astype(np.float32),
            claim=None if claim is None else claim.astype(np.float32) / 255,
            confidence=self.confidence(index, size),
        )

    def confidence(self, index: int, size: tuple[int, int]) -> Float[np.ndarray, "height width"] | None:
        """In [0, 1], of colour and depth, at `size` (width, height); None where the folder does not say."""
        values = self._picture("confidence", index, size)
        return None if values is None else values.astype(np.float32) / 255

    def _picture(self, kind: str, index: int, size: tuple[int, int]) -> np.ndarray | None:
        """One channel at the picture's size; None for a missing one of EXTRAS."""
        file = self.file(kind, index)
        if kind in EXTRAS and not file.is_file():
            return None
        image = _decoded(file, "color")[..., 0]
        return image if image.shape[::-1] == size else cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)

    def _depth(self, index: int, camera: Camera) -> Float[np.ndarray, "height width"]:
        """Metres, from the depth image, which shows the whole photograph."""
        raw = _decoded(self.file("depth", index), "depth")
        source = self.crop.photograph(camera, (raw.shape[1], raw.shape[0]))
        key = np.array([*source.intrinsics.ravel(), *raw.shape, camera.width]).tobytes()
        if key not in self._registrations:
            self._registrations[key] = Registration(source=source, target=camera)
        return self._registrations[key].depth(np.where(raw < 65535, raw, 0).astype(np.float32)) / 1000

    def _within_reach(
        self, depth: np.ndarray, camera: Camera, camera_to_world: np.ndarray
    ) -> Bool[np.ndarray, "height width"]:
        """Where the measured point lies at most REACH of the object's radius from its centre."""
        frame = self.normalization
        k = camera.intrinsics
        center = camera_to_world[:3, :3].T @ (frame.center - camera_to_world[:3, 3])
        y = (np.arange(camera.height) + 0.5 - k[1, 2])[:, None] / k[1, 1]
        x = ((np.arange(camera.width) + 0.5 - k[0, 2])[None] - k[0, 1] * y) / k[0, 0]
        squared = (x * depth - center[0]) ** 2 + (y * depth - center[1]) ** 2 + (depth - center[2]) ** 2
        inside: np.ndarray = squared < (REACH * frame.scale) ** 2
        return inside


def read_category(folder: Path) -> str:
    """First line of the folder's `semantic.txt`, at most 100 letters; 'object' without it."""
    try:
        lines = (folder / "semantic.txt").read_text(errors="replace").strip().splitlines()
    except OSError:
        return "object"
    return lines[0].strip()[:100] if lines else "object"


def _decoded(file: Path, kind: Kind) -> np.ndarray:
    try:
        return decoded(str(file), file.read_bytes(), kind)
    except OSError as error:
        raise DamagedFrame(f"{file} cannot be read: {error.strerror}") from error
