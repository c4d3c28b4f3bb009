"""Reader of Record3D's recordings: .r3d files, unzipped ones, and the export as EXR and JPEG."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from o2recon.scene.archive import Archive
from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.headers import MAX_PIXELS
from o2recon.scene.images import decoded, file_picture, file_stamp
from o2recon.scene.readers.confidence import checked_level, masked
from o2recon.scene.readers.exr import exr_header, read_exr
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import OPENGL, Y_UP, pinhole, posed
from o2recon.scene.scene import DamagedFrame

MAX_METADATA = 1 << 27
MAX_FILE = 1 << 27
HEADER_BYTES = 1 << 16
LIDAR_SIZE = (192, 256)
"""Width and height of depth where the metadata does not say."""


@dataclass(frozen=True)
class Metadata:
    """The JSON file. `poses`: qx qy qz qw px py pz of each frame; `lenses`: fx fy cx cy of each, for colour images."""

    poses: Float[np.ndarray, "frames 7"]
    lenses: Float[np.ndarray, "frames 4"]
    size: tuple[int, int]
    depth_size: tuple[int, int]


class Record3dReader:
    """A `.r3d` file (or a folder with one), an unzipped one (`metadata`, `rgbd/0.{jpg,depth,conf}`) or the export as
    "EXR + JPG" (`metadata.json`, `rgb/0.jpg`, `depth/0.exr`; its folder EXR_RGBD or the one above). Archives are read
    in place.

    Poses are quaternion and position, qx qy qz qw px py pz, camera_to_world with OpenGL's camera axes, metres. K is
    column-major and that of the first frame; `perFrameIntrinsicCoeffs` (fx fy cx cy) win where they exist; both are for
    the colour images. The world has +y up, unless the first pose is the identity: then all are relative to that camera
    and nothing says which way is up (set scene.up). Depth is float metres, smaller than colour and on the same camera;
    `.depth` is packed with LZFSE, as is `.conf`, below whose `min_confidence` (0 low, 1 medium, 2 high) depth is
    dropped; the EXR export has no confidence. Recordings of the front camera have no poses and are refused.

    Sources: the app's author in github.com/marek-simonik/record3d, issues 7, 33, 36, 64, 81, 83, 93; nerfstudio's
    record3d_utils.py and instant-ngp's record3d2nerf.py.
    """

    def __init__(self, *, min_confidence: int) -> None:
        self._least = checked_level(min_confidence)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder = root if root.is_dir() else root.parent
        archive = _archive(root)
        if archive is not None:
            metadata = read_metadata(archive.source("metadata"), _member(archive, "metadata"))
            files, pictures = [archive.path], partial(_packed_pictures, _ArchiveFiles(archive), metadata, self._least)
        else:
            inner = next((f for f in (root, root / "EXR_RGBD") if (f / "metadata.json").is_file()), None)
            path = root / "metadata" if inner is None else inner / "metadata.json"
            metadata = read_metadata(str(path), _contents(path))
            files = [path]
            if inner is not None:
                pictures = partial(_exported_pictures, inner)
            else:
                pictures = partial(_packed_pictures, _FolderFiles(root), metadata, self._least)
        shots, damaged = _shots(folder, str(files[0]), metadata, pictures)
        relative = np.abs(metadata.poses[0] - [0, 0, 0, 1, 0, 0, 0]).max() < 1e-3
        return Capture(shots, None if relative else Y_UP, damaged, files=tuple(files))


def read_metadata(source: str, data: bytes) -> Metadata:
    """ValueError, naming `source`, when it is no JSON of Record3D or lacks poses, sizes or intrinsics."""
    try:
        content: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is no JSON: export the recording again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{source} is no metadata of Record3D")
    poses = _table(source, content, "poses", 7)
    width, height = _size(source, content, "w", "h", None)
    depth_size = _size(source, content, "dw", "dh", LIDAR_SIZE)
    if content.get("perFrameIntrinsicCoeffs"):
        lenses = _table(source, content, "perFrameIntrinsicCoeffs", 4)
        if len(lenses) != len(poses):
            raise ValueError(f"{source}: {len(poses)} poses but {len(lenses)} perFrameIntrinsicCoeffs: export it again")
    else:
        k = _table(source, {"K": [content.get("K")]}, "K", 9)[0]
        lenses = np.tile(k[[0, 4, 6, 7]], (len(poses), 1))
    if len(poses) > 1 and (poses == poses[0]).all():
        raise ValueError(f"{source}: all poses are the same; only recordings of the LiDAR camera have poses")
    return Metadata(poses, lenses, (width, height), depth_size)


def _table(source: str, content: dict[str, Any], key: str, width: int) -> Float[np.ndarray, "frames {width}"]:
    rows = content.get(key)
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{source} has no '{key}': update Record3D and export the recording again")
    for row in rows:
        if not isinstance(row, list) or len(row) != width or any(type(value) not in (int, float) for value in row):
            raise ValueError(f"{source}: '{key}' must hold {width} numbers for each frame")
    try:
        return np.array(rows, np.float64)
    except OverflowError as error:
        raise ValueError(f"{source}: '{key}' holds a number beyond all bounds") from error


def _size(
    source: str, content: dict[str, Any], width: str, height: str, default: tuple[int, int] | None
) -> tuple[int, int]:
    if default is not None and (width not in content or height not in content):
        return default
    sides = content.get(width), content.get(height)
    if any(type(side) is not int for side in sides) or min(sides) < 1 or sides[0] * sides[1] > MAX_PIXELS:  # type: ignore
        raise ValueError(f"{source}: '{width}' and '{height}' must be the size of images, they are {str(sides)[:100]}")
    return sides  # type: ignore[return-value]


def _shots(
    folder: Path, source: str, metadata: Metadata, pictures: Callable[[int], tuple[Picture, Picture]]
) -> tuple[tuple[Shot, ...], dict[int, str]]:
    shots, damaged = [], {}
    for index, (pose, lens) in enumerate(zip(metadata.poses.tolist(), metadata.lenses.tolist(), strict=True)):
        try:
            camera_to_world = posed(pose[4:], pose[:4], f"{source}: frame {index}") @ OPENGL
            color, depth = pictures(index)
            scale = np.array(color.size) / metadata.size
            focal, principal = (lens[0] * scale[0], lens[1] * scale[1]), (lens[2] * scale[0], lens[3] * scale[1])
            camera = Lens(pinhole(focal, principal, color.size, f"{source}: the intrinsics of frame {index}"))
            shots.append(Shot(index, camera_to_world, camera, color, depth, instance=instance_beside(folder, index)))
        except ValueError as damage:
            damaged[index] = str(damage)
    return tuple(shots), damaged


class _FolderFiles:
    """Files of an unzipped recording."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, name: str) -> bool:
        return (self._root / name).is_file()

    def source(self, name: str) -> str:
        return str(self._root / name)

    def stamp(self, name: str) -> str:
        return file_stamp(self._root / name)

    def read(self, name: str) -> bytes:
        return _contents(self._root / name)


class _ArchiveFiles:
    """Members of a recording that is still an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._names, self._stamp = archive, frozenset(archive.names), file_stamp(archive.path)

    def has(self, name: str) -> bool:
        return name in self._names

    def source(self, name: str) -> str:
        return self._archive.source(name)

    def stamp(self, name: str) -> str:
        return f"{name} of {self._stamp}"

    def read(self, name: str) -> bytes:
        return self._archive.read(name, most=MAX_FILE)


def _packed_pictures(
    files: _FolderFiles | _ArchiveFiles, metadata: Metadata, least: int, index: int
) -> tuple[Picture, Picture]:
    """Colour and depth of a frame of a recording, packed or unzipped. ValueError when one is missing."""
    color, depth, confidence = (f"rgbd/{index}.{suffix}" for suffix in ("jpg", "depth", "conf"))
    for name in (color, depth):
        if not files.has(name):
            raise ValueError(f"{files.source(name)} is missing")
    picture = Picture(
        files.source(color), metadata.size, files.stamp(color), lambda: _color(files, color, metadata.size)
    )

    def read() -> Shaped[np.ndarray, "rows columns"]:
        metres = _plane(files, depth, metadata.depth_size, np.dtype("<f4"))
        if least == 0 or not files.has(confidence):
            return metres
        return masked(metres, _plane(files, confidence, metadata.depth_size, np.dtype("u1")) >= least, depth)

    return picture, Picture(files.source(depth), metadata.depth_size, f"{files.stamp(depth)} {least}", read)


def _color(files: _FolderFiles | _ArchiveFiles, name: str, size: tuple[int, int]) -> np.ndarray:
    try:
        data = files.read(name)
    except ValueError as error:
        raise DamagedFrame(str(error)) from error
    image: np.ndarray = decoded(files.source(name), data, "color")
    if (image.shape[1], image.shape[0]) != size:
        raise DamagedFrame(
            f"{files.source(name)} is {image.shape[1]}x{image.shape[0]}, metadata says {size[0]}x{size[1]}"
        )
    return image


def _plane(
    files: _FolderFiles | _ArchiveFiles, name: str, size: tuple[int, int], kind: np.dtype[Any]
) -> Shaped[np.ndarray, "rows columns"]:
    """An image of numbers packed with LZFSE, or as it is."""
    from o2recon.scene.readers.lzfse import unpacked  # loads a compiler, which opening any capture does without

    length = size[0] * size[1] * kind.itemsize
    try:
        data = files.read(name)
        plain = np.frombuffer(data, np.uint8) if len(data) == length else unpacked(data, length)
    except ValueError as error:
        message = str(error)
        raise DamagedFrame(message if files.source(name) in message else f"{files.source(name)}: {message}") from error
    return plain.view(kind).reshape(size[1], size[0])


def _exported_pictures(folder: Path, index: int) -> tuple[Picture, Picture]:
    """Colour and depth of a frame of the export as EXR and JPEG."""
    names = [folder / "rgb" / f"{index}.{suffix}" for suffix in ("jpg", "png", "jpeg")]
    color = file_picture(next((path for path in names if path.is_file()), names[0]), "color")
    path = folder / "depth" / f"{index}.exr"
    header = exr_header(str(path), _contents(path, HEADER_BYTES))
    return color, Picture(str(path), (header.width, header.height), file_stamp(path), partial(_read_exr, path))


def _read_exr(path: Path) -> Float[np.ndarray, "rows columns"]:
    try:
        return read_exr(str(path), _contents(path))
    except ValueError as error:
        raise DamagedFrame(str(error)) from error


def _archive(root: Path) -> Archive | None:
    """The recording when it is still packed: the root itself, or the only one in it."""
    if root.is_file():
        return Archive(root)
    found = sorted(root.glob("*.r3d")) if not (root / "metadata").is_file() else []
    if len(found) > 1:
        raise ValueError(f"{root} holds {len(found)} .r3d files: set scene.root to one of them")
    return Archive(found[0]) if found else None


def _member(archive: Archive, name: str) -> bytes:
    if name not in archive.names:
        raise ValueError(f"{archive.path} has no member '{name}': it is no recording of Record3D")
    return archive.read(name, most=MAX_METADATA)


def _contents(path: Path, length: int = -1) -> bytes:
    try:
        if path.stat().st_size > MAX_METADATA:
            raise ValueError(f"{path} has more than {MAX_METADATA >> 20} MB: it is no file of Record3D")
        with open(path, "rb") as file:
            return file.read(length)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): set scene.root to a Record3D recording") from error
