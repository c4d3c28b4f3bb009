"""Depth maps of COLMAP's dense reconstruction."""

import re
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Picture
from o2recon.scene.images import file_stamp
from o2recon.scene.scene import DamagedFrame

KINDS = (".geometric.bin", ".photometric.bin")
"""Endings after the image's own name; those checked between images come first."""
HEADER = re.compile(rb"(\d{1,5})&(\d{1,5})&1&")


def depth_map_picture(path: Path) -> Picture:
    """A depth map: z in the model's unit, 0 where none was found. Reads its header only; ValueError when it is none.

    Format (doc/format.rst, scripts/python/read_write_dense.py): `width&height&channels&` as text, then float32, little
    endian, row by row.
    """
    width, height, start = _header(path)
    return Picture(str(path), (width, height), file_stamp(path), partial(_read, path, (height, width), start))


def _header(path: Path) -> tuple[int, int, int]:
    """Width, height, and where the numbers start; checked against the size of the file."""
    try:
        with open(path, "rb") as file:
            found = HEADER.match(file.read(32))
        size = path.stat().st_size
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    if found is None:
        raise ValueError(f"{path} is no depth map of COLMAP: take those of stereo/depth_maps/")
    width, height, start = int(found[1]), int(found[2]), found.end()
    if not (width and height) or size != start + 4 * width * height:
        raise ValueError(f"{path} is damaged: {size - start} bytes are no {width}x{height} numbers of 4")
    return width, height, start


def _read(path: Path, shape: tuple[int, int], start: int) -> Float[np.ndarray, "rows columns"]:
    try:
        numbers = np.fromfile(path, "<f4", shape[0] * shape[1], offset=start)
    except OSError as error:
        raise DamagedFrame(f"{path} cannot be read: {error.strerror}") from error
    if numbers.size != shape[0] * shape[1]:
        raise DamagedFrame(f"{path} is truncated")
    return numbers.reshape(shape).astype(np.float32)
