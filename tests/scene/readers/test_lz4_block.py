"""LZ4 blocks: what LZ4's own library packed comes out again; damage is refused."""

import ctypes
import ctypes.util
import random
from collections.abc import Callable

import numpy as np
import pytest

from o2recon.scene.readers.lz4_block import lz4_block

BY_LZ4 = "6f6465707468200600fffffffffffff3506820656e64"
"""Written by LZ4 1.9.4: 300 times "depth ", and "end"."""


@pytest.fixture(scope="module")
def pack() -> Callable[[bytes], bytes]:
    name = ctypes.util.find_library("lz4")
    if name is None:
        pytest.skip("LZ4's library is not on this machine")
    library = ctypes.CDLL(name)

    def compress(data: bytes) -> bytes:
        target = ctypes.create_string_buffer(library.LZ4_compressBound(len(data)))
        size = library.LZ4_compress_default(data, target, len(data), len(target))
        assert size > 0
        return target.raw[:size]

    return compress


def test_a_block_that_lz4_wrote() -> None:
    text = b"depth " * 300 + b"end"
    assert lz4_block(bytes.fromhex(BY_LZ4), len(text)) == text


def test_blocks_written_by_hand_after_the_format() -> None:
    assert lz4_block(bytes.fromhex("30 616263"), 3) == b"abc"  # three literals
    assert lz4_block(bytes.fromhex("14 61 0100 10 62"), 10) == b"a" * 9 + b"b"  # one literal, 8 more by distance 1
    assert lz4_block(bytes.fromhex("f0 01") + b"0123456789abcdef", 16) == b"0123456789abcdef"  # 15 + 1 literals


@pytest.mark.parametrize("kind", ["noise", "zeros", "ramp", "text"])
def test_what_lz4_packs_comes_out_again(pack: Callable[[bytes], bytes], kind: str) -> None:
    chance = np.random.default_rng(0)
    data = {
        "noise": chance.bytes(98_304),
        "zeros": bytes(98_304),
        "ramp": np.repeat(np.arange(4096, dtype="<u2"), 12).tobytes(),
        "text": b"a sofa behind a table behind a sofa " * 2000,
    }[kind]
    assert lz4_block(pack(data), len(data)) == data


def test_damaged_blocks_are_refused(pack: Callable[[bytes], bytes]) -> None:
    data = np.repeat(np.random.default_rng(0).integers(0, 200, 3000, np.uint8), 3).tobytes()
    packed, chance, refused = pack(data), random.Random(0), 0
    for _ in range(5000):
        broken = bytearray(packed)
        for _ in range(chance.choice((1, 3))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        cut = broken[: chance.randrange(len(broken))] if chance.random() < 0.3 else broken
        try:
            assert len(lz4_block(bytes(cut), len(data))) == len(data)
        except ValueError as error:
            assert "does not hold" in str(error)
            refused += 1
    assert refused > 1000
    with pytest.raises(ValueError, match="does not hold 10"):
        lz4_block(b"", 10)
