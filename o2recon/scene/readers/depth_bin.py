"""ScanNet++'s `depth.bin`: LiDAR depth of an iPhone video in one file."""

import struct
import threading
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Shaped

from o2recon.scene.readers.units import MILLIMETRES
from o2recon.scene.scene import DamagedFrame

WIDTH, HEIGHT = 256, 192
PIXELS = WIDTH * HEIGHT
LONGEST = 5 * PIXELS
"""Bytes of one packed frame; 4 bytes a pixel that cannot be packed, and some more."""
MOST_FRAMES = 1_000_000
CHUNK = 1 << 16
MOST_STREAMS = 3


class DepthBin:
    """Frames of 256 x 192 by number, millimetres, 0 = none. ValueError, naming the file, when it is no such file.

    Either each frame by itself behind its length (uint32): an LZ4 block of uint16 millimetres, or a raw deflate stream
    of float32 metres; or one raw deflate stream of all of them, float32 metres: that one is unpacked in order, and
    going far back starts again. Source: iphone/prepare_iphone_data.py of github.com/scannetpp/scannetpp.
    """

    size = (WIDTH, HEIGHT)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            with open(path, "rb", buffering=0) as file:
                self._starts = _walk(file, path.stat().st_size)
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror})") from error
        self.count = len(self._starts) or None
        """Frames; None where only unpacking tells."""
        self._streams: list[_Stream] = []
        if not self._starts:
            self._check_first()

    def read(self, frame: int) -> Shaped[np.ndarray, "192 256"]:
        """DamagedFrame when there is no such frame or it cannot be unpacked."""
        try:
            return self._read_alone(frame) if self._starts else self._read_in_order(frame)
        except (ValueError, OSError, zlib.error) as error:
            raise DamagedFrame(f"{self.path}, frame {frame} cannot be unpacked ({error})") from error

    def _check_first(self) -> None:
        try:
            self._read_in_order(0)
        except (ValueError, OSError, zlib.error) as error:
            raise ValueError(f"{self.path} is damaged or no depth of ScanNet++ ({error}): copy it again") from error

    def _read_alone(self, frame: int) -> Shaped[np.ndarray, "192 256"]:
        if frame >= len(self._starts):
            raise ValueError(f"it has {len(self._starts)} frames")
        start, length = self._starts[frame]
        with open(self.path, "rb") as file:
            file.seek(start)
            packed = file.read(length)
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, 4 * PIXELS + 1)
            if len(data) == 4 * PIXELS:
                return _millimetres(data)
        except zlib.error:
            pass
        from o2recon.scene.readers.lz4_block import lz4_block  # loads a compiler

        return np.frombuffer(lz4_block(packed, 2 * PIXELS), "<u2").reshape(HEIGHT, WIDTH)

    def _read_in_order(self, frame: int) -> Float[np.ndarray, "192 256"]:
        """By the nearest stream before that frame: threads ask a little out of order."""
        with self._lock:
            before = [stream for stream in self._streams if stream.next <= frame]
            stream = max(before, key=lambda stream: stream.next) if before else _Stream(self.path)
            if not before:
                self._streams = [*self._streams, stream][-MOST_STREAMS:]
            try:
                return _millimetres(stream.read(frame))
            except (ValueError, OSError, zlib.error):
                self._streams.remove(stream)
                raise


class _Stream:
    """One raw deflate stream, unpacked forwards. `next`: the number of the frame that follows."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self.next = path, 0, 0
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, frame: int) -> bytes:
        """That frame's bytes, at or behind `next`."""
        with open(self._path, "rb") as file:
            file.seek(self._at)
            data = b""
            while self.next <= frame:
                data = self._frame(file)
                self.next += 1
            self._at = file.tell()
        return data

    def _frame(self, file: BinaryIO) -> bytes:
        data = bytearray()
        while len(data) < 4 * PIXELS:
            packed = self._inflate.unconsumed_tail or file.read(CHUNK)
            piece = self._inflate.decompress(packed, 4 * PIXELS - len(data))
            if not piece and (self._inflate.eof or not packed):
                raise ValueError(f"the stream ends at frame {self.next}")
            data += piece
        return bytes(data)


def _walk(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Start and length of every frame; empty when the file is no row of lengths and frames."""
    starts: list[tuple[int, int]] = []
    at = 0
    while at < size:
        head = file.read(4)
        length = struct.unpack("<I", head)[0] if len(head) == 4 else 0
        if not 0 < length <= LONGEST or at + 4 + length > size or len(starts) >= MOST_FRAMES:
            return []
        starts.append((at + 4, length))
        at += 4 + length
        file.seek(at)
    return starts


def _millimetres(metres: bytes) -> Float[np.ndarray, "192 256"]:
    depth = np.frombuffer(metres, "<f4").reshape(HEIGHT, WIDTH)
    with np.errstate(invalid="ignore", over="ignore"):
        known = (depth > 0) & (depth < 100)
        return np.where(known, depth * np.float32(MILLIMETRES), np.float32(0))
