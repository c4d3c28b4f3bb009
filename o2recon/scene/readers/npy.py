"""Depth as NumPy's .npy files: one array of plain numbers."""

import re
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from o2recon.scene.capture import Picture
from o2recon.scene.images import file_stamp
from o2recon.scene.scene import DamagedFrame

MAX_SIDE = 1 << 16
MAX_HEADER = 1 << 14
LENGTH_BYTES = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
"""Bytes of the header's length, by version of the format."""
KIND = re.compile(rb"'descr': '([<>|=]?[uif][1248])'")
ORDER = re.compile(rb"'fortran_order': (True|False)")
SHAPE = re.compile(rb"'shape': \((\d{1,9}), (\d{1,9})(?:, 1)?,?\)")


def npy_picture(path: Path) -> Picture:
    """A depth image. Reads its header only; ValueError, naming the file, when it is no image of plain numbers.

    Nothing of the file is executed or unpickled. Source: numpy.lib.format, versions 1 to 3.
    """
    (height, width), kind, order, start = _header(path)
    return Picture(
        str(path), (width, height), file_stamp(path), partial(_read, path, (height, width), kind, order, start)
    )


def _header(path: Path) -> tuple[tuple[int, int], np.dtype, str, int]:
    """Rows and columns, kind of number, C or Fortran order, and where the numbers start; checked against the size."""
    try:
        with open(path, "rb") as file:
            magic, version = file.read(6), file.read(2)
            length = int.from_bytes(file.read(LENGTH_BYTES.get(version, 0)), "little")
            header = file.read(min(length, MAX_HEADER))
            start = file.tell()
        size = path.stat().st_size
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    kind, order, shape = (pattern.search(header) for pattern in (KIND, ORDER, SHAPE))
    if magic != b"\x93NUMPY" or kind is None or order is None or shape is None:
        raise ValueError(f"{path} is no .npy file with rows x columns of numbers: save depth as one such array")
    rows, columns, number = int(shape[1]), int(shape[2]), np.dtype(kind[1].decode())
    if not (0 < rows < MAX_SIDE and 0 < columns < MAX_SIDE) or size - start != rows * columns * number.itemsize:
        raise ValueError(
            f"{path} is damaged: {size - start} bytes are no {rows} x {columns} of {number.itemsize} bytes"
        )
    return (rows, columns), number, "F" if order[1] == b"True" else "C", start


def _read(
    path: Path, shape: tuple[int, int], kind: np.dtype, order: str, start: int
) -> Shaped[np.ndarray, "rows columns"]:
    try:
        numbers = np.fromfile(path, kind, shape[0] * shape[1], offset=start)
    except OSError as error:
        raise DamagedFrame(f"{path} cannot be read: {error.strerror}") from error
    if numbers.size != shape[0] * shape[1]:
        raise DamagedFrame(f"{path} is truncated")
    return numbers.reshape(shape, order="F" if order == "F" else "C").astype(kind.newbyteorder("="))
