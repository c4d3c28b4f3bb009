"""Precomputed maps: one file per frame, in the layouts of the networks' own scripts."""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from o2recon.cues.maps import CueView
from o2recon.types import Camera
from o2recon.workspace import ObjectFolder, read_image


@dataclass(frozen=True)
class Layout:
    """Names that a frame's file may have and what its values mean.

    `endings` follow the frame's number, tried in this order. `normal`: three channels. `unit_range`: floating-point
    values are (n + 1) / 2, as 8-bit ones always are.
    """

    convention: str
    endings: tuple[str, ...]
    normal: bool
    unit_range: bool = False


LAYOUTS = {
    "snu": Layout("snu", (".npz", ".npy", "_pred_norm.npy", "_pred_norm.png", ".png"), True),
    "omnidata": Layout("omnidata", ("_normal.npy", "_normal.png", ".npy", ".png"), True, unit_range=True),
    "opencv": Layout("opencv", (".npz", ".npy", "_normal.npy"), True),
    "omnidata_depth": Layout("affine", ("_depth.npy", "_depth.png", ".npy", ".png"), False),
    "inverse_depth": Layout("inverse", ("_depth.npy", ".npy", ".npz", ".png"), False),
    "metric_depth": Layout("metric", (".npy", ".npz", ".png", "_depth.npy", "_depth.png"), False),
}
"""`snu`: what surface-normal-uncertainty, NeuRIS and O2-Recon write, 8-bit PNG or `arr_0` in [-1, 1] with (-1, -1, -1)
where nothing is. `omnidata`: Omnidata's demo and MonoSDF, PNG or (3, height, width) in [0, 1]. `metric_depth`: metres,
or millimetres in a 16-bit PNG."""
NUMBERS = ("{}", "{:04d}", "{:05d}", "{:06d}")


class Stored:
    """Maps from the files of a folder; `%scene` and `%object` in its name stand for what is being prepared.

    Files are found by the frame's number, with leading zeros or without, and one of the endings of the `layout`. They
    cover the whole photograph, at its size or any other of the same shape. Those made from photographs that were not
    in-painted show what covers the object on its hidden pixels.
    """

    def __init__(self, *, folder: str | None, layout: str) -> None:
        if layout not in LAYOUTS:
            raise ValueError(f"maps.layout is '{layout}': choose one of {', '.join(LAYOUTS)}")
        self.folder, self.layout = folder or "", LAYOUTS[layout]
        self.convention = self.layout.convention
        self.name = f"files ({layout})"

    def obstacle(self, folder: ObjectFolder) -> str | None:
        """See Maps."""
        if not self.folder:
            return "maps.folder is not set: give the folder of the precomputed maps"
        place = self._folder(folder)
        return None if place.is_dir() else f"maps.folder: {place} is no folder"

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """Names, sizes and dates of the folder's files."""
        digest, place = hashlib.sha256(), self._folder(folder)
        for file in sorted(place.iterdir()) if self.folder and place.is_dir() else ():
            facts = file.stat()
            digest.update(f"{file.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        return {"files": digest.hexdigest()[:16]}

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """See Maps."""
        return [self._folder(folder) / "*"] if self.folder else []

    def __call__(
        self, views: Sequence[CueView], folder: ObjectFolder, *, device: str
    ) -> list[Float[np.ndarray, "_ _ ..."]]:
        """See Maps. ValueError for a missing or unreadable file, or one of another shape."""
        place = self._folder(folder)
        return [self._map(place, v.record.index, v.record.camera)[v.crop.window] for v in views]

    def _folder(self, folder: ObjectFolder) -> Path:
        scene, object_id = folder.path.parent.parent.name, folder.path.name
        return Path(self.folder.replace("%scene", scene).replace("%object", object_id)).expanduser()

    def _map(self, folder: Path, index: int, camera: Camera) -> Float[np.ndarray, "height width ..."]:
        names = [number.format(index) + ending for ending in self.layout.endings for number in NUMBERS]
        file = next((folder / n for n in names if (folder / n).is_file()), None)
        if file is None:
            raise ValueError(f"{folder} has no map of frame {index}: {names[0]}, {names[1]} ... is needed")
        values = self._values(file)
        height, width = values.shape[:2]
        if abs(height * camera.width - width * camera.height) > 0.01 * height * camera.width:
            raise ValueError(
                f"{file} is {width} x {height}, the photograph {camera.width} x {camera.height}: another shape"
            )
        if (height, width) == (camera.height, camera.width):
            return values
        return cv2.resize(values, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)

    def _values(self, file: Path) -> Float[np.ndarray, "rows columns ..."]:
        """Floating point: normals in [-1, 1] with 0 = none, depth in the layout's unit."""
        raw = read_image(file) if file.suffix == ".png" else _array(file)
        wanted = "three channels" if self.layout.normal else "one channel"
        if self.layout.normal and raw.ndim == 3 and raw.shape[0] == 3 and raw.shape[2] != 3:
            raw = raw.transpose(1, 2, 0)
        if not self.layout.normal:
            raw = raw.squeeze()
        if raw.ndim != (3 if self.layout.normal else 2) or (raw.ndim == 3 and raw.shape[2] != 3):
            raise ValueError(f"{file} holds an array of shape {raw.shape}: {wanted} were expected")
        values = self._normals(raw) if self.layout.normal else self._depths(raw)
        return np.ascontiguousarray(np.nan_to_num(values, posinf=0, neginf=0), np.float32)

    def _normals(self, raw: np.ndarray) -> np.ndarray:
        """8-bit values are rounded down by those who write them, hence half a level is added."""
        if raw.dtype.kind == "u":
            levels = np.iinfo(raw.dtype).max
            values, nothing = (raw.astype(np.float32) + 0.5) / levels * 2 - 1, (raw == 0).all(-1)
        else:
            values = raw * 2.0 - 1.0 if self.layout.unit_range else raw
            nothing = (values <= -0.99).all(-1)
        return np.where(nothing[..., None], 0, values)

    def _depths(self, raw: np.ndarray) -> np.ndarray:
        return raw / 1000 if raw.dtype.kind == "u" and self.convention == "metric" else raw


ARCHIVE = (zipfile.BadZipFile, zlib.error)


def _array(file: Path) -> np.ndarray:
    """The only array of an npy or npz file. ValueError when it cannot be read."""
    try:
        found = np.load(file, allow_pickle=False)
        return found if isinstance(found, np.ndarray) else found[found.files[0]]
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, LookupError, *ARCHIVE) as error:
        raise ValueError(f"{file} cannot be read as an array: copy it again ({error})") from error
