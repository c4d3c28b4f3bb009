"""Masks as the page sends and gets them: one bit a pixel, row after row, the highest bit of a byte first."""

import numpy as np
from jaxtyping import Bool

from o2recon.types import Camera


def num_bytes(camera: Camera) -> int:
    """Length of one packed mask."""
    return -(-camera.width * camera.height // 8)


def pack(mask: Bool[np.ndarray, "height width"]) -> bytes:
    return np.packbits(mask.ravel()).tobytes()


def unpack(data: bytes, camera: Camera) -> Bool[np.ndarray, "height width"]:
    """ValueError for data of another length."""
    if len(data) != num_bytes(camera):
        size = f"{camera.width}x{camera.height}"
        raise ValueError(f"a mask of {size} pixels has {num_bytes(camera)} bytes, not {len(data)}: reload the page")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=camera.width * camera.height)
    return bits.reshape(camera.height, camera.width).astype(bool)
