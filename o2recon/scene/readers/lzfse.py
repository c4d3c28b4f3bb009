"""Apple's LZFSE: unpacks what iPhones packed, without a library.

A stream is a sequence of blocks: `bvx-` raw bytes, `bvxn` LZVN, `bvx2` LZFSE (Lempel-Ziv whose lengths, distances and
literals are coded by finite state entropy), ended by `bvx$`. The format is described in the reference implementation,
github.com/lzfse/lzfse (src/lzfse_internal.h for the headers).
"""

import struct

import numpy as np
from jaxtyping import UInt8

from o2recon.scene.readers import lzfse_kernels as kernels

RAW, LZVN, LZFSE, OLD_LZFSE, END = b"bvx-", b"bvxn", b"bvx2", b"bvx1", b"bvx$"
SYMBOLS = (20, 20, 64, 256)
"""Of literal lengths, match lengths, distances and literals."""
STATES = (64, 64, 256, 1024)
MAX_LITERALS = 40_000
"""Of one block."""
NUM_SHORT, LONG = 8, 14
"""Lengths in bits of frequencies from 8 and from 24 on; smaller ones have 2, 3 or 5."""
FREQUENCY_BITS = (2, 3, 2, 5, 2, 3, 2, NUM_SHORT, 2, 3, 2, 5, 2, 3, 2, LONG) * 2
FREQUENCIES = (0, 2, 1, 4, 0, 3, 1, -1, 0, 2, 1, 5, 0, 3, 1, -1, 0, 2, 1, 6, 0, 3, 1, -1, 0, 2, 1, 7, 0, 3, 1, -1)
"""By the next five bits of the table."""


def unpacked(data: bytes, size: int) -> UInt8[np.ndarray, "size"]:
    """The `size` bytes in an LZFSE stream. ValueError when it is damaged or holds another number of bytes."""
    output = np.zeros(size, np.uint8)
    at = filled = 0
    while data[at : at + 4] != END:
        magic, header = data[at : at + 4], data[at + 4 : at + 12]
        if len(header) < 8 or magic not in (RAW, LZVN, LZFSE):
            raise ValueError("no LZFSE stream, or cut short" if magic != OLD_LZFSE else "an LZFSE stream of 2015")
        count, packed_size = struct.unpack("<II", header)
        if count > size - filled:
            raise ValueError(f"an LZFSE stream of more than {size} bytes")
        if magic == RAW:
            block = np.frombuffer(data[at + 8 : at + 8 + count], np.uint8)
            if len(block) < count:
                raise ValueError("an LZFSE stream that is cut short")
            output[filled : filled + count] = block
            at += 8 + count
        elif magic == LZVN:
            source = np.frombuffer(data[at + 12 : at + 12 + packed_size], np.uint8)
            if len(source) < packed_size or kernels.unpack_lzvn(source, output, filled, count) != count:
                raise ValueError("a damaged LZFSE stream")
            at += 12 + packed_size
        else:
            at += _unpack_block(data, at, output, filled, count)
        filled += count
    if filled != size:
        raise ValueError(f"an LZFSE stream of {filled} bytes, not {size}")
    return output


def _unpack_block(data: bytes, at: int, output: np.ndarray, filled: int, count: int) -> int:
    """One `bvx2` block at `at`; its length in bytes. Fields: lzfse_compressed_block_header_v2."""
    if len(data) < at + 32:
        raise ValueError("an LZFSE stream that is cut short")
    first, second, third = struct.unpack("<QQQ", data[at + 8 : at + 32])
    num_literals, literal_bytes, num_matches = (_field(first, start, 20) for start in (0, 20, 40))
    literal_states = np.array([_field(second, start, 10) for start in (0, 10, 20, 30)], np.int64)
    match_bytes, header_bytes = _field(second, 40, 20), _field(third, 0, 32)
    match_states = np.array([_field(third, start, 10) for start in (32, 42, 52)], np.int64)
    begin = at + header_bytes
    middle, end = begin + literal_bytes, begin + literal_bytes + match_bytes
    if header_bytes < 32 or end > len(data) or num_literals > MAX_LITERALS or num_literals % 4:
        raise ValueError("a damaged LZFSE stream")
    tables = _tables(data[at + 32 : begin])
    if (literal_states >= STATES[3]).any() or (match_states >= STATES[:3]).any():
        raise ValueError("a damaged LZFSE stream")
    literals = np.zeros(num_literals, np.uint8)
    source = np.frombuffer(data[begin:middle], np.uint8)
    done = kernels.unpack_literals(source, _field(first, 60, 3) - 7, tables[3], literal_states, literals)
    source = np.frombuffer(data[middle:end], np.uint8)
    if not done or count != kernels.unpack_matches(
        source, _field(second, 60, 3) - 7, *tables[:3], match_states, num_matches, literals, output, filled, count
    ):
        raise ValueError("a damaged LZFSE stream")
    return end - at


def _field(value: int, start: int, bits: int) -> int:
    return (value >> start) & ((1 << bits) - 1)


def _tables(data: bytes) -> list[np.ndarray]:
    """The four decoding tables out of the packed frequencies of all symbols."""
    frequencies = np.zeros(sum(SYMBOLS), np.int64)
    bits, held, at = 0, 0, 0
    for symbol in range(len(frequencies) if data else 0):
        while held < LONG and at < len(data):
            bits |= data[at] << held
            held, at = held + 8, at + 1
        length = FREQUENCY_BITS[bits & 31]
        if length > held:
            raise ValueError("a damaged LZFSE stream")
        frequency = FREQUENCIES[bits & 31]
        if length == NUM_SHORT:
            frequency = 8 + ((bits >> 4) & 15)
        elif length == LONG:
            frequency = 24 + ((bits >> 4) & 1023)
        frequencies[symbol] = frequency
        bits, held = bits >> length, held - length
    tables, start = [], 0
    for symbols, states in zip(SYMBOLS, STATES, strict=True):
        own = frequencies[start : start + symbols]
        if own.sum() > states:
            raise ValueError("a damaged LZFSE stream")
        tables.append(kernels.decoding_table(own, states))
        start += symbols
    return tables
