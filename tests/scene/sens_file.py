"""`.sens` files written with nothing but struct, after ScanNet's SensReader/c++/src/sensorData.h."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

LOST = np.full((4, 4), -np.inf)
"""What the scanner stores where tracking was lost."""


def sens_header(
    frames: int,
    color: np.ndarray,
    depth: np.ndarray,
    *,
    sizes: tuple[int, int, int, int],
    extrinsic: np.ndarray | None = None,
    types: tuple[int, int] = (2, 1),
    shift: float = 1000.0,
    version: int = 4,
) -> bytes:
    """`color`, `depth`: 4x4 intrinsics. `sizes`: width and height of colour, then of depth."""
    identity = np.eye(4) if extrinsic is None else extrinsic
    data = struct.pack("<IQ", version, 14) + b"StructureCore\x00"
    for matrix in (color, np.eye(4), depth, identity):
        data += struct.pack("<16f", *np.asarray(matrix).ravel())
    return data + struct.pack("<ii4IfQ", *types, *sizes, shift, frames)


def sens_frame(pose: np.ndarray, color: bytes, depth: bytes, time: int = 0) -> bytes:
    """One frame; `color` and `depth` as they are packed."""
    head = struct.pack("<16f4Q", *pose.ravel(), time, time + 7, len(color), len(depth))
    return head + color + depth


def imu_tail(samples: Sequence[Sequence[float]]) -> bytes:
    """Inertial samples of 15 numbers, at 0, 1, 2 ... microseconds."""
    data = struct.pack("<Q", len(samples))
    return data + b"".join(struct.pack("<15dQ", *sample, time) for time, sample in enumerate(samples))


def packed_color(rgb: np.ndarray, kind: int) -> bytes:
    """0 raw, 1 PNG, 2 JPEG."""
    if kind == 0:
        return rgb.tobytes()
    return cv2.imencode((".png", ".jpg")[kind - 1], rgb[..., ::-1])[1].tobytes()


def sens_of_scan(scan: Path, path: Path, *, types: tuple[int, int] = (2, 1), shift: float = 1000.0) -> Path:
    """The frames of an exported scan (files 0 to n-1) as a stream, JPEG colour taken over byte by byte."""
    count = len(list((scan / "color").iterdir()))
    frames, sizes = [], (0, 0, 0, 0)
    for index in range(count):
        jpeg = (scan / "color" / f"{index}.jpg").read_bytes()
        rgb = cv2.imread(str(scan / "color" / f"{index}.jpg"))[..., ::-1]
        depth = cv2.imread(str(scan / "depth" / f"{index}.png"), cv2.IMREAD_UNCHANGED)
        sizes = (rgb.shape[1], rgb.shape[0], depth.shape[1], depth.shape[0])
        color = jpeg if types[0] == 2 else packed_color(rgb, types[0])
        packed = depth.tobytes() if types[1] == 0 else zlib.compress(depth.tobytes())
        frames.append(sens_frame(np.loadtxt(scan / "pose" / f"{index}.txt"), color, packed, 33_333 * index))
    matrices = [np.loadtxt(scan / "intrinsic" / f"intrinsic_{kind}.txt") for kind in ("color", "depth")]
    header = sens_header(count, *matrices, sizes=sizes, types=types, shift=shift)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + b"".join(frames) + imu_tail([range(15)] * 3))
    return path
