"""Compiled loops of LZFSE. Every index is checked: streams may be damaged. -1 or False: they are.

A decoding table has one row per state: symbol, bits to read, value to add to them for the next state. Bit streams are
read backwards, from the end of their bytes. `no_type_check` keeps the tests' type checker from wrapping what numba must
compile.
"""

from typing import no_type_check

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True)


def _values(extra: list[int]) -> np.ndarray:
    """First value and number of further bits of each symbol: values follow each other without gaps."""
    bits = np.array(extra, np.int64)
    return np.stack([np.concatenate([[0], np.cumsum(1 << bits)[:-1]]), bits], 1)


LITERAL_LENGTHS = _values([0] * 16 + [2, 3, 5, 8])
MATCH_LENGTHS = _values([0] * 16 + [3, 5, 8, 11])
DISTANCES = _values([bits for bits in range(16) for _ in range(4)])


@_compiled
@no_type_check
def decoding_table(frequencies, states):
    """`frequencies` (0 or more states each, together at most `states`, a power of two) as a decoding table."""
    table = np.full((states, 3), -1, np.int64)
    at = 0
    for symbol in range(len(frequencies)):
        count = frequencies[symbol]
        if count == 0:
            continue
        bits = 0
        while (count << bits) < states:
            bits += 1
        wide = ((2 * states) >> bits) - count
        for i in range(count):
            table[at, 0] = symbol
            if i < wide:
                table[at, 1], table[at, 2] = bits, ((count + i) << bits) - states
            else:
                table[at, 1], table[at, 2] = bits - 1, (i - wide) << (bits - 1)
            at += 1
    return table


@_compiled
@no_type_check
def _bits(source, start, count):
    """`count` (at most 32) bits from bit `start` on, lowest first; 0 beyond the last byte."""
    value, first = 0, start >> 3
    for i in range(min(5, len(source) - first)):
        value |= np.int64(source[first + i]) << (8 * i)
    return (value >> (start & 7)) & ((1 << count) - 1)


@_compiled
@no_type_check
def unpack_literals(source, offset, table, start, literals):
    """Four interleaved streams. `offset`: minus the unused bits of the last byte."""
    position = 8 * len(source) + offset
    states = start.copy()
    for i in range(len(literals)):
        state = states[i & 3]
        if state < 0 or state >= len(table) or table[state, 0] < 0:
            return False
        position -= table[state, 1]
        if position < 0:
            return False
        literals[i] = table[state, 0]
        states[i & 3] = table[state, 2] + _bits(source, position, table[state, 1])
    return True


@_compiled
@no_type_check
def unpack_matches(source, offset, lengths, matches, distances, start, num_matches, literals, output, filled, count):
    """Writes `count` bytes behind `filled`: as many literals and earlier bytes as each triple says."""
    position = 8 * len(source) + offset
    states, values, distance = start.copy(), np.zeros(3, np.int64), -1
    at, end, taken = filled, filled + count, 0
    for _ in range(num_matches):
        for kind in range(3):
            table, known = lengths, LITERAL_LENGTHS
            if kind == 1:
                table, known = matches, MATCH_LENGTHS
            elif kind == 2:
                table, known = distances, DISTANCES
            state = states[kind]
            if state < 0 or state >= len(table) or table[state, 0] < 0:
                return -1
            base, extra = known[table[state, 0], 0], known[table[state, 0], 1]
            position -= table[state, 1] + extra
            if position < 0:
                return -1
            values[kind] = base + _bits(source, position, extra)
            states[kind] = table[state, 2] + _bits(source, position + extra, table[state, 1])
        if values[2] != 0:
            distance = values[2]
        if taken + values[0] > len(literals) or at + values[0] + values[1] > end:
            return -1
        output[at : at + values[0]] = literals[taken : taken + values[0]]
        taken, at = taken + values[0], at + values[0]
        if values[1] and not 0 < distance <= at:
            return -1
        for _ in range(values[1]):
            output[at] = output[at - distance]
            at += 1
    return at - filled


@_compiled
@no_type_check
def unpack_lzvn(source, output, filled, count):
    """LZVN: writes up to `count` bytes behind `filled`; how many there were.

    Operations by their first byte: LLMMMDDD small distance, 101LLMMM medium, LLMMM111 large, LLMMM110 the previous one,
    111xLLLL literals or 1111MMMM a match alone, 00000110 the end.
    """
    at, end, i, distance = filled, filled + count, 0, 0
    while i < len(source):
        op = np.int64(source[i])
        literals, match, size = op >> 6, ((op >> 3) & 7) + 3, 1
        if op == 6:
            return at - filled
        if op == 14 or op == 22:
            i += 1
            continue
        if op >= 0xE0:
            length, extended = op & 15, (op & 15) == 0
            size = 2 if extended else 1
            if i + size > len(source):
                return -1
            length = np.int64(source[i + 1]) + 16 if extended else length
            literals, match = (length, 0) if op < 0xF0 else (0, length)
        elif 0x70 <= op < 0x80 or op >= 0xD0 or (op & 7 == 6 and op < 0x40):
            return -1
        elif 0xA0 <= op < 0xC0:
            size = 3
            if i + size > len(source):
                return -1
            two = np.int64(source[i + 1]) | np.int64(source[i + 2]) << 8
            literals, match, distance = (op >> 3) & 3, ((op & 7) << 2 | (two & 3)) + 3, two >> 2
        elif op & 7 == 7:
            size = 3
            if i + size > len(source):
                return -1
            distance = np.int64(source[i + 1]) | np.int64(source[i + 2]) << 8
        elif op & 7 != 6:
            size = 2
            if i + size > len(source):
                return -1
            distance = (op & 7) << 8 | np.int64(source[i + 1])
        i += size
        if i + literals > len(source) or at + literals + match > end:
            return -1
        output[at : at + literals] = source[i : i + literals]
        i, at = i + literals, at + literals
        if match and not 0 < distance <= at:
            return -1
        for _ in range(match):
            output[at] = output[at - distance]
            at += 1
    return -1
