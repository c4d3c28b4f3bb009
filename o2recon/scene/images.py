"""Pictures of captures as files or as bytes from an archive: headers first, decoded when needed."""

import io
import os
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Shaped

from o2recon.scene.capture import Picture
from o2recon.scene.headers import PNG_START, ImageHeader, check_png, header_of
from o2recon.scene.scene import DamagedFrame

Kind = Literal["color", "depth", "ids"]
"""What a picture holds: 8-bit colour, 16-bit depth, integer ids of one channel."""


def file_picture(path: Path, kind: Kind) -> Picture:
    """A PNG or JPEG file. Reads its header only; ValueError, naming the file, when it cannot hold what `kind` says."""
    source = str(path)
    try:
        with open(source, "rb") as file:
            header, status = header_of(source, file), os.fstat(file.fileno())
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    check_layout(source, header, kind)
    return Picture(source, (header.width, header.height), _stamp(path, status), partial(_read_file, path, kind))


def file_stamp(path: Path) -> str:
    """Name, size and time of a file: changes when it does."""
    return _stamp(path, path.stat())


def _stamp(path: Path, status: os.stat_result) -> str:
    return f"{'/'.join(path.parts[-2:])} {status.st_size} {status.st_mtime_ns}"


def check_layout(source: str, header: ImageHeader, kind: Kind) -> None:
    """ValueError when depth is not one channel of 16 bits, or ids are not one channel."""
    if kind == "depth" and (header.bits, header.channels) != (16, 1):
        raise ValueError(f"{source} is no 16-bit image with one channel")
    if kind == "ids" and header.channels != 1:
        raise ValueError(f"{source} has {header.channels} channels, ids need one")


def decoded(source: str, data: bytes, kind: Kind) -> Shaped[np.ndarray, "rows columns *channels"]:
    """The pixels of a PNG or JPEG image as `Picture.read` gives them. DamagedFrame, naming `source`, when damaged."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION if kind == "color" else cv2.IMREAD_UNCHANGED
    try:
        check_layout(source, header_of(source, io.BytesIO(data)), kind)
        if data.startswith(PNG_START):
            check_png(source, data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (ValueError, cv2.error) as error:
        raise DamagedFrame(f"{source} cannot be read: {str(error).strip().splitlines()[0]}") from error
    if image is None:
        raise DamagedFrame(f"{source} cannot be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if kind == "color" else image


def _read_file(path: Path, kind: Kind) -> np.ndarray:
    try:
        return decoded(str(path), path.read_bytes(), kind)
    except OSError as error:
        raise DamagedFrame(f"{path} cannot be read: {error.strerror}") from error
