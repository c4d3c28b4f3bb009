"""Image files checked without decoding them: size from the header, truncation from the end marker."""

import struct
import zlib
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_PIXELS = 2**27
"""Of one image. Files may claim any size, and decoders make room for it before they read on."""
MAX_SIDE = 32766
"""OpenCV carries no wider image to another grid."""
JPEG_TAIL_BYTES = 256
"""Cameras may pad after the end marker; entropy-coded data cannot contain one."""


@dataclass(frozen=True)
class ImageHeader:
    """Size in pixels and layout of an image file. `bits` per channel."""

    width: int
    height: int
    bits: int
    channels: int


def read_header(path: Path) -> ImageHeader:
    """Header of a PNG or JPEG file. ValueError, naming the file, when it is missing or as for `header_of`."""
    try:
        with open(path, "rb") as file:
            return header_of(str(path), file)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error


def header_of(source: str, file: BufferedIOBase) -> ImageHeader:
    """Header of an open PNG or JPEG image. ValueError, naming `source`: no such image, truncated, above MAX_PIXELS."""
    start = file.read(2)
    header = _jpeg_header(source, file) if start == b"\xff\xd8" else _png_header(source, start + file.read(31), file)
    width, height = header.width, header.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        limit = f"at most {MAX_PIXELS} are read, {MAX_SIDE} a side"
        raise ValueError(f"{source} says it is {width}x{height} pixels: {limit}")
    return header


def check_png(source: str, data: bytes) -> None:
    """ValueError when a chunk of the PNG is cut short or its checksum fails; decoders return half images for those."""
    at = len(PNG_START)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 8 + length
        if data[end : end + 4] != zlib.crc32(data[at + 4 : end]).to_bytes(4, "big"):
            raise ValueError(f"{source} is damaged (checksum of a PNG chunk)")
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end + 4
    raise ValueError(f"{source} is truncated")


def _png_header(source: str, start: bytes, file: BufferedIOBase) -> ImageHeader:
    if not start.startswith(PNG_START) or start[12:16] != b"IHDR" or len(start) < 33:
        raise ValueError(f"{source} is no PNG or JPEG image ({'empty file' if not start else 'unknown header'})")
    width, height, bits, color_type = struct.unpack(">IIBB", start[16:26])
    file.seek(0, 2)
    file.seek(max(file.tell() - len(PNG_END), 0))
    if file.read() != PNG_END:
        raise ValueError(f"{source} is truncated")
    return ImageHeader(width, height, bits, {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(color_type, 0))


def _jpeg_header(source: str, file: BufferedIOBase) -> ImageHeader:
    header = None
    while header is None:
        marker = file.read(2)
        while marker == b"\xff\xff":
            marker = b"\xff" + file.read(1)
        length = file.read(2)
        if len(marker) < 2 or len(length) < 2 or marker[0] != 0xFF:
            raise ValueError(f"{source} is truncated or no JPEG image")
        if marker[1] in JPEG_FRAME_MARKERS:
            fields = file.read(6)
            if len(fields) < 6:
                raise ValueError(f"{source} is truncated")
            bits, height, width, channels = struct.unpack(">BHHB", fields)
            header = ImageHeader(width, height, bits, channels)
        else:
            file.seek(int.from_bytes(length, "big") - 2, 1)
    file.seek(0, 2)
    file.seek(max(file.tell() - JPEG_TAIL_BYTES, 0))
    if b"\xff\xd9" not in file.read():
        raise ValueError(f"{source} is truncated")
    return header
