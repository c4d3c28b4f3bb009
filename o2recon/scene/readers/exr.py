"""Depth as OpenEXR images: one channel of scan lines, without a library for the usual compressions.

Source: openexr.com, "OpenEXR File Layout" and "Technical Introduction" (magic number, attributes, chunks, ZIP's and
RLE's byte order); checked against files of the OpenEXR library 3.5.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.scene.headers import MAX_PIXELS

MAGIC = b"\x76\x2f\x31\x01"
UNUSUAL = 0x1A00
"""Version flags of tiled, deep and multi-part files."""
TYPES = {0: "<u4", 1: "<f2", 2: "<f4"}
NAMES = ("Z", "depth", "R", "Y", "V")
"""Channels that hold depth, best first; Record3D writes R."""
ROWS = {0: 1, 1: 1, 2: 1, 3: 16}
"""Lines of one chunk by compression: none, RLE, ZIP of single lines, ZIP."""
COMPRESSIONS = ("none", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB")
MAX_ATTRIBUTES = 1000
MAX_RATIO = 1100
"""Of packing: deflate's is 1032."""


@dataclass(frozen=True)
class ExrHeader:
    """What is needed to find the pixels. `channels`: name and numpy type, in file order. `table`: at which byte."""

    width: int
    height: int
    first_line: int
    compression: int
    channels: tuple[tuple[str, str], ...]
    table: int


def read_exr(source: str, data: bytes) -> Float[np.ndarray, "rows columns"]:
    """The depth channel of an EXR file. ValueError, naming `source`, when it is damaged or packed unusually."""
    header = exr_header(source, data)
    names = [name for name, _ in header.channels]
    wanted = names[0] if len(names) == 1 else next((name for name in NAMES if name in names), names[0])
    rows, line = ROWS[header.compression], header.width * sum(np.dtype(kind).itemsize for _, kind in header.channels)
    start = header.width * sum(np.dtype(kind).itemsize for _, kind in header.channels[: names.index(wanted)])
    kind = np.dtype(dict(header.channels)[wanted])
    if line * header.height > MAX_RATIO * len(data):
        raise ValueError(f"{source} is damaged (too short for {header.width}x{header.height} pixels): export it again")
    image = np.zeros((header.height, header.width), np.float32)
    chunks = -(-header.height // rows)
    try:
        offsets = struct.unpack_from(f"<{chunks}Q", data, header.table)
        for offset in offsets:
            first, size = struct.unpack_from("<ii", data, offset)
            first -= header.first_line
            count = min(rows, header.height - first)
            if first < 0 or count < 1 or size < 0 or offset + 8 + size > len(data):
                raise ValueError("a chunk lies outside")
            lines = _unpacked(data[offset + 8 : offset + 8 + size], count * line, header.compression)
            for row in range(count):
                image[first + row] = np.frombuffer(lines, kind, header.width, row * line + start)
    except (ValueError, OverflowError, struct.error, zlib.error) as error:
        raise ValueError(f"{source} is damaged ({str(error)[:100]}): export it again") from error
    return image


def exr_header(source: str, data: bytes) -> ExrHeader:
    """Header of a file of single lines. ValueError, naming `source`, when it is none of these."""
    if not data.startswith(MAGIC) or len(data) < 8:
        raise ValueError(f"{source} is no EXR image")
    if struct.unpack_from("<I", data, 4)[0] & UNUSUAL:
        raise ValueError(f"{source} is a tiled, deep or multi-part EXR image: save it as plain scan lines")
    attributes, at = _attributes(source, data)
    try:
        x_min, y_min, x_max, y_max = struct.unpack("<4i", attributes["dataWindow"])
        (compression,) = struct.unpack("<B", attributes["compression"])
        channels = tuple(_channels(attributes["channels"]))
    except (KeyError, ValueError, struct.error) as error:
        raise ValueError(f"{source} is damaged (header without size, channels or compression)") from error
    width, height = x_max - x_min + 1, y_max - y_min + 1
    if width < 1 or height < 1 or width * height * len(channels) > MAX_PIXELS or not channels:
        raise ValueError(f"{source} says it is {width}x{height} pixels with {len(channels)} channels: no depth image")
    if compression not in ROWS:
        name = COMPRESSIONS[compression] if compression < len(COMPRESSIONS) else compression
        raise ValueError(f"{source} is packed with {name}: save it with ZIP, or export .r3d instead")
    return ExrHeader(width, height, y_min, compression, channels, at)


def _attributes(source: str, data: bytes) -> tuple[dict[str, bytes], int]:
    """Values by name, and where the header ends."""
    attributes: dict[str, bytes] = {}
    at = 8
    for _ in range(MAX_ATTRIBUTES):
        name, at = _text(data, at)
        if not name:
            return attributes, at
        _, at = _text(data, at)
        size = int.from_bytes(data[at : at + 4], "little")
        attributes[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
        if at >= len(data):
            break
    raise ValueError(f"{source} is damaged (its header has no end)")


def _channels(data: bytes) -> list[tuple[str, str]]:
    channels, at = [], 0
    while at < len(data) - 1:
        name, at = _text(data, at)
        kind, _, x_step, y_step = struct.unpack_from("<iIii", data, at)
        if kind not in TYPES or (x_step, y_step) != (1, 1):
            raise ValueError("sub-sampled or unknown channels")
        channels.append((name, TYPES[kind]))
        at += 16
    return channels


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\x00", at, at + 256)
    return ("", at + 1) if end < 0 else (data[at:end].decode("latin-1"), end + 1)


def _unpacked(data: bytes, size: int, compression: int) -> bytes:
    """Chunks that packing would have made longer are stored as they are."""
    if compression == 0 or len(data) == size:
        unpacked = data
    else:
        unpack: Callable[[bytes, int], bytes] = _rle if compression == 1 else _inflated
        unpacked = _reordered(unpack(data, size))
    if len(unpacked) != size:
        raise ValueError(f"a chunk of {len(unpacked)} bytes instead of {size}")
    return unpacked


def _inflated(data: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(data, size + 1)


def _rle(data: bytes, size: int) -> bytes:
    parts, at, length = [], 0, 0
    while at < len(data) and length <= size:
        count = data[at] - 256 if data[at] > 127 else data[at]
        part = data[at + 1 : at + 1 - count] if count < 0 else data[at + 1 : at + 2] * (count + 1)
        at += 1 + (-count if count < 0 else 1)
        parts.append(part)
        length += len(part)
    return b"".join(parts)


def _reordered(data: bytes) -> bytes:
    """Differences become values; then the first half holds bytes 0, 2, ... and the second 1, 3, ..."""
    steps = np.frombuffer(data, np.uint8).astype(np.int64)
    steps[1:] -= 128
    values = np.cumsum(steps).astype(np.uint8)
    result, half = np.empty_like(values), (len(values) + 1) // 2
    result[::2], result[1::2] = values[:half], values[half:]
    return result.tobytes()
