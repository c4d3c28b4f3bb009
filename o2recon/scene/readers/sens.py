"""`.sens` files, version 4: the RGB-D stream of ScanNet's and BundleFusion's scanners.

Little-endian, without padding (SensReader/c++/src/sensorData.h of ScanNet's tools, `SensorData::loadFromFile`):

    uint32 version = 4, uint64 length, char sensor[length]
    float32 color intrinsic[4][4], color extrinsic[4][4], depth intrinsic[4][4], depth extrinsic[4][4]
    int32 color type (0 raw, 1 png, 2 jpeg), int32 depth type (0 raw uint16, 1 zlib, 2 occi)
    uint32 color width, color height, depth width, depth height, float32 depth units per metre
    uint64 frames, each: float32 camera_to_world[4][4] (all -inf where tracking was lost), uint64 time of color,
        time of depth (microseconds), uint64 bytes of color, bytes of depth, then these bytes
    uint64 IMU frames, each: float64 rotation rate[3], acceleration[3], magnetic field[3], attitude[3], gravity[3],
        uint64 time
"""

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Shaped, UInt8, UInt16

from o2recon.scene.headers import MAX_PIXELS

VERSION = 4
COLOR_TYPES = {0: "raw", 1: "png", 2: "jpeg"}
DEPTH_TYPES = {0: "raw", 1: "zlib", 2: "occi"}
NAME_LENGTH = struct.Struct("<IQ")
HEADER = np.dtype(
    [("matrices", "<f4", (4, 4, 4)), ("types", "<i4", 2), ("sizes", "<u4", (2, 2)), ("shift", "<f4"), ("frames", "<u8")]
)
FRAME = np.dtype([("camera_to_world", "<f4", (4, 4)), ("times", "<u8", 2), ("bytes", "<u8", 2)])
IMU_VECTORS = ("rotation_rate", "acceleration", "magnetic_field", "attitude", "gravity")
IMU = np.dtype([*((name, "<f8", 3) for name in IMU_VECTORS), ("time", "<u8")])
LONGEST_NAME = 4096
MOST_FRAMES = 1_000_000
"""More than nine hours at 30 Hz."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SensCamera:
    """One of the two cameras as stored: pixel centres at integers; `extrinsic` maps to the common base frame."""

    intrinsic: Float[np.ndarray, "4 4"]
    extrinsic: Float[np.ndarray, "4 4"]
    size: tuple[int, int]
    """Width and height, pixels."""
    packing: str
    """Of its images: a value of COLOR_TYPES or DEPTH_TYPES."""


@dataclass(frozen=True)
class SensFile:
    """Header and index of a `.sens` file; images are read from the file when asked for, by any thread.

    `shift`: units of depth per metre. `index` holds one FRAME per frame, `starts` where its colour begins in the file.
    """

    path: Path
    sensor: str
    color: SensCamera
    depth: SensCamera
    shift: float
    index: Shaped[np.ndarray, "frames"]
    starts: tuple[int, ...]
    imu_start: int
    num_imu: int

    def __len__(self) -> int:
        return len(self.starts)

    def source(self, frame: int) -> str:
        """The frame as messages name it."""
        return f"{self.path}, frame {frame}"

    def camera_to_world(self, frame: int) -> Float[np.ndarray, "4 4"]:
        """As stored: -inf throughout where tracking was lost."""
        return _doubles(self.index[frame]["camera_to_world"])

    def color_bytes(self, frame: int) -> bytes:
        """Colour as stored. ValueError when it is longer than an image of its size can be."""
        return self._bytes(frame, 0, 4 * self.color.size[0] * self.color.size[1])

    def raw_color(self, frame: int) -> UInt8[np.ndarray, "rows columns 3"]:
        """Colour that is stored without compression, RGB. ValueError when its size is another."""
        (width, height), data = self.color.size, self.color_bytes(frame)
        if len(data) != width * height * 3:
            raise ValueError(f"{self.source(frame)}: {len(data)} bytes of raw color are no image of {width}x{height}")
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)

    def depth_image(self, frame: int) -> UInt16[np.ndarray, "rows columns"]:
        """Depth in the file's units, 0 = none. ValueError when it cannot be decoded."""
        width, height = self.depth.size
        data, size = self._bytes(frame, 1, 2 * width * height), 2 * width * height
        if self.depth.packing == "zlib":
            try:
                data = zlib.decompressobj().decompress(data, size + 1)
            except zlib.error as error:
                raise ValueError(f"{self.source(frame)}: depth cannot be decoded ({error})") from error
        if len(data) != size:
            raise ValueError(f"{self.source(frame)}: {len(data)} bytes of depth are no image of {width}x{height}")
        return np.frombuffer(data, "<u2").reshape(height, width)

    def imu(self) -> Shaped[np.ndarray, "samples"]:
        """What the inertial sensor said, one IMU record per sample."""
        with open(self.path, "rb") as file:
            file.seek(self.imu_start)
            return np.frombuffer(file.read(self.num_imu * IMU.itemsize), IMU)

    def _bytes(self, frame: int, which: int, most: int) -> bytes:
        sizes = [int(size) for size in self.index[frame]["bytes"]]
        if not 0 < sizes[which] <= most + 65536:
            kind = ("color", "depth")[which]
            raise ValueError(f"{self.source(frame)}: {kind} of {sizes[which]} bytes is no image of the file's size")
        with open(self.path, "rb") as file:
            file.seek(self.starts[frame] + which * sizes[0])
            return file.read(sizes[which])


def read_sens(path: Path) -> SensFile:
    """Header and index. ValueError, one line naming the file, when it is none, cut off, or packed unusually."""
    try:
        with open(path, "rb", buffering=0) as file:
            return _read(path, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror or error}): copy it again") from error


def _read(path: Path, file: BinaryIO, size: int) -> SensFile:
    version, length = NAME_LENGTH.unpack(_exactly(path, file, NAME_LENGTH.size))
    if version != VERSION or length > LONGEST_NAME:
        raise ValueError(f"{path} is no .sens file of version {VERSION} (it begins with {version}): copy it again")
    sensor = _exactly(path, file, length).decode("utf-8", errors="replace")
    header = np.frombuffer(_exactly(path, file, HEADER.itemsize), HEADER)[0]
    color, depth = (int(code) for code in header["types"])
    if color not in COLOR_TYPES or depth not in DEPTH_TYPES:
        raise ValueError(f"{path}: unknown packing of color ({color}) or depth ({depth}): export the scan again")
    if DEPTH_TYPES[depth] == "occi":
        raise ValueError(f"{path}: depth is packed as OCCI, which only the scanner's own tools read: save it as zlib")
    sizes = [(int(width), int(height)) for width, height in header["sizes"]]
    if not all(0 < width * height <= MAX_PIXELS for width, height in sizes):
        raise ValueError(f"{path}: images of {sizes} pixels are impossible: copy it again")
    shift = float(_doubles(np.asarray(header["shift"])))
    if not 0 < shift < np.inf:
        raise ValueError(f"{path}: {shift:g} depth units per metre are impossible: copy it again")
    matrices = _doubles(header["matrices"])
    index, starts, end = _walk(path, file, int(header["frames"]), size)
    return SensFile(
        path=path,
        sensor=sensor,
        color=SensCamera(matrices[0], matrices[1], sizes[0], COLOR_TYPES[color]),
        depth=SensCamera(matrices[2], matrices[3], sizes[1], DEPTH_TYPES[depth]),
        shift=shift,
        index=index,
        starts=starts,
        imu_start=end + 8,
        num_imu=_count_imu(path, file, end, size),
    )


def _walk(path: Path, file: BinaryIO, count: int, size: int) -> tuple[np.ndarray, tuple[int, ...], int]:
    """All frame headers, seeking over the images; where each one's images start, and where the last one's end."""
    at = file.tell()
    if count < 1 or count > MOST_FRAMES:
        raise ValueError(f"{path} announces {count} frames, 1 to {MOST_FRAMES} are possible: copy it again")
    headers, starts = bytearray(), []
    for frame in range(count):
        file.seek(at)
        header = file.read(FRAME.itemsize)
        if len(header) == FRAME.itemsize:
            starts.append(at + FRAME.itemsize)
            at = starts[-1] + sum(struct.unpack("<QQ", header[-16:]))
        if len(header) < FRAME.itemsize or at > size:
            raise ValueError(f"{path} is cut off in frame {frame} of {count}: copy it again")
        headers += header
    return np.frombuffer(bytes(headers), FRAME), tuple(starts), at


def _count_imu(path: Path, file: BinaryIO, at: int, size: int) -> int:
    file.seek(at)
    tail = file.read(8)
    count = int.from_bytes(tail, "little") if len(tail) == 8 else 0
    if count * IMU.itemsize > size - at - 8:
        log.warning("%s: its inertial data is cut off and left out", path)
        return 0
    return count


def _doubles(values: np.ndarray) -> np.ndarray:
    """Of damaged files the bits may be signalling nan, of which casts warn."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


def _exactly(path: Path, file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ValueError(f"{path} is cut off in its header: copy it again")
    return data
