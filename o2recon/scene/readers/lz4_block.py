"""LZ4 blocks unpacked without a library (lz4_Block_format.md of github.com/lz4/lz4)."""

from typing import no_type_check

import numba
import numpy as np


def lz4_block(packed: bytes, size: int) -> bytes:
    """What a block holds. ValueError when that is not `size` bytes, or the block is damaged."""
    target = np.zeros(size, np.uint8)
    written = _unpack(np.frombuffer(packed, np.uint8), target)
    if written != size:
        raise ValueError(f"an LZ4 block of {len(packed)} bytes does not hold {size}")
    return target.tobytes()


@numba.njit(nogil=True, cache=True)
@no_type_check
def _unpack(source, target):
    """Bytes written; -1 for a damaged block. Every index is checked."""
    at = to = 0
    while at < len(source):
        token = source[at]
        at += 1
        length = np.int64(token >> 4)
        if length == 15:
            while True:
                if at >= len(source):
                    return -1
                more = source[at]
                at += 1
                length += more
                if more != 255:
                    break
        if at + length > len(source) or to + length > len(target):
            return -1
        target[to : to + length] = source[at : at + length]
        at += length
        to += length
        if at == len(source):
            return to  # the last sequence has literals only
        if at + 2 > len(source):
            return -1
        distance = np.int64(source[at]) | (np.int64(source[at + 1]) << 8)
        at += 2
        length = np.int64(token & 15)
        if length == 15:
            while True:
                if at >= len(source):
                    return -1
                more = source[at]
                at += 1
                length += more
                if more != 255:
                    break
        length += 4
        if distance == 0 or distance > to or to + length > len(target):
            return -1
        for i in range(length):  # may overlap: byte by byte
            target[to + i] = target[to + i - distance]
        to += length
    return -1
