"""The three files of a COLMAP model, as text or binary, read without COLMAP.

After doc/format.rst and src/colmap/scene/reconstruction_io_{text,binary}.cc of COLMAP: little endian, image names end
with a zero byte, two lines of text for each image, the second (its key points) possibly empty. Key points and tracks
are passed over. Every count is checked against the bytes that are there before anything is allocated.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from jaxtyping import Float, Int

from o2recon.scene.readers.colmap_cameras import MODELS, PARAMETERS, ColmapCamera

UNIT_TOLERANCE = 1e-2
"""Largest accepted deviation of a quaternion's length from 1: text files round."""
FARTHEST = 1e9
"""Units: a camera is nearer to the origin."""
MAX_NAME = 4096
"""Bytes of an image's name."""
MAX_REASON = 200
"""Characters of what a message quotes from a file."""


@dataclass(frozen=True)
class ColmapImage:
    """One registered image: world_to_camera as a quaternion (w, x, y, z) and a translation; `name` below images/."""

    id: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int
    name: str

    def camera_to_world(self) -> Float[np.ndarray, "4 4"]:
        """In OpenCV axes, the model's own unit. ValueError when the numbers are no rigid motion."""
        q, t = np.array(self.quaternion), np.array(self.translation)
        length = float(np.linalg.norm(q)) if np.abs(q).max() < 2 else np.inf
        if not (abs(length - 1) < UNIT_TOLERANCE and np.abs(t).max() < FARTHEST):
            raise ValueError(f"{self.name[:100]!r} has no rigid motion as its pose (its quaternion is {length:g} long)")
        w, x, y, z = q / length
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation.T, -rotation.T @ t
        return pose


@dataclass(frozen=True)
class ColmapPoints:
    """Triangulated points: where, mean reprojection error in pixels (-1: not known), images that see them."""

    positions: Float[np.ndarray, "points 3"]
    errors: Float[np.ndarray, "points"]
    track_lengths: Int[np.ndarray, "points"]


def read_cameras(path: Path) -> dict[int, ColmapCamera]:
    """cameras.txt or cameras.bin. ValueError, naming the file, when it is damaged; so do the others here."""
    with _named(path):
        cameras = list(_cameras_binary(path) if path.suffix == ".bin" else _cameras_text(path))
    return {camera.id: camera for camera in cameras}


def read_images(path: Path) -> tuple[ColmapImage, ...]:
    """images.txt or images.bin."""
    with _named(path):
        return tuple(_images_binary(path) if path.suffix == ".bin" else _images_text(path))


def read_points(path: Path) -> ColmapPoints:
    """points3D.txt or points3D.bin."""
    with _named(path):
        each = _points_binary(path) if path.suffix == ".bin" else _points_text(path)
        rows = np.fromiter((value for row in each for value in row), float).reshape(-1, 5)
    return ColmapPoints(rows[:, :3], rows[:, 3], rows[:, 4].astype(np.int64))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, OverflowError) as error:
        reason = str(error)[:MAX_REASON]
        raise ValueError(
            f"{path} is damaged ({reason}): write the model again, `colmap model_converter` does"
        ) from error


# ---- binary ----


class _Bytes:
    """A file's bytes, mapped, read forwards; ValueError past its end."""

    def __init__(self, data: "mmap.mmap | bytes") -> None:
        self._data, self._at = data, 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        start = self._at
        self.skip(1, layout.size)
        return layout.unpack_from(self._data, start)

    def count(self, smallest: int) -> int:
        """A number of records that take at least `smallest` bytes each."""
        (number,) = self.take(COUNT)
        if number * smallest > len(self._data) - self._at:
            raise ValueError(f"it says {number} records where {len(self._data) - self._at} bytes are left")
        return int(number)

    def skip(self, number: int, size: int) -> None:
        if number * size > len(self._data) - self._at:
            raise ValueError(f"it ends within the {size} bytes after byte {self._at}")
        self._at += number * size

    def name(self) -> str:
        end = self._data.find(b"\0", self._at, self._at + MAX_NAME)
        if end < 0:
            raise ValueError(f"no name at byte {self._at}")
        start, self._at = self._at, end + 1
        return self._data[start:end].decode()

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes are left over")


COUNT = struct.Struct("<Q")
CAMERA = struct.Struct("<IiQQ")
IMAGE = struct.Struct("<I4d3dI")
KEY_POINT_BYTES, TRACK_BYTES = 24, 8
POINT = struct.Struct("<Q3d3Bd")


@contextmanager
def _mapped(path: Path) -> Iterator[_Bytes]:
    with open(path, "rb") as file:
        if path.stat().st_size == 0:
            raise ValueError("empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            reader = _Bytes(data)
            yield reader
            reader.finish()


def _cameras_binary(path: Path) -> Iterator[ColmapCamera]:
    with _mapped(path) as data:
        for _ in range(data.count(CAMERA.size)):
            camera, model, width, height = data.take(CAMERA)
            if not 0 <= model < len(MODELS):
                raise ValueError(f"camera {camera} has the unknown model {model}")
            name, number = MODELS[model]
            yield ColmapCamera(camera, name, width, height, data.take(struct.Struct(f"<{number}d")))


def _images_binary(path: Path) -> Iterator[ColmapImage]:
    with _mapped(path) as data:
        for _ in range(data.count(IMAGE.size + 1 + COUNT.size)):
            number, *pose, camera = data.take(IMAGE)
            name = data.name()
            data.skip(data.count(KEY_POINT_BYTES), KEY_POINT_BYTES)
            yield ColmapImage(number, tuple(pose[:4]), tuple(pose[4:]), camera, name)


def _points_binary(path: Path) -> Iterator[tuple[float, ...]]:
    with _mapped(path) as data:
        for _ in range(data.count(POINT.size + COUNT.size)):
            _, x, y, z, _, _, _, error = data.take(POINT)
            track = data.count(TRACK_BYTES)
            data.skip(track, TRACK_BYTES)
            yield x, y, z, error, track


# ---- text ----


def _cameras_text(path: Path) -> Iterator[ColmapCamera]:
    with open(path, encoding="utf-8") as file:
        for line in _rows(file):
            number, model, width, height, *values = line.split()
            if model not in PARAMETERS:
                raise ValueError(f"camera {number} has the unknown model {model[:40]}")
            yield ColmapCamera(int(number), model, int(width), int(height), tuple(float(v) for v in values))


def _images_text(path: Path) -> Iterator[ColmapImage]:
    with open(path, encoding="utf-8") as file:
        for line in _rows(file):
            number, *pose, camera, name = line.split(maxsplit=9)
            if len(pose) != 7:
                raise ValueError(f"an image has {len(pose)} numbers for its pose, not 7")
            values = [float(v) for v in pose]
            yield ColmapImage(int(number), tuple(values[:4]), tuple(values[4:]), int(camera), name.strip())
            next(file, None)  # its key points


def _points_text(path: Path) -> Iterator[tuple[float, ...]]:
    with open(path, encoding="utf-8") as file:
        for line in _rows(file):
            _, x, y, z, _, _, _, error, *track = line.split()
            yield float(x), float(y), float(z), float(error), len(track) // 2


def _rows(file: TextIO) -> Iterator[str]:
    return (line for line in file if line.strip() and not line.lstrip().startswith("#"))
