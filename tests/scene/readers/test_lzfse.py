"""LZFSE: streams of Apple's own encoder come out as they went in; damaged ones are refused."""

import struct

import numpy as np
import pytest
from packed_depth import COMPRESSED, SHORT

from o2recon.scene.readers.lzfse import unpacked


def depth(rows: int, columns: int) -> bytes:
    y, x = np.mgrid[:rows, :columns]
    return bytes(((1500 + 8 * y + x // 6 % 3 * 4) / np.float32(1000)).astype("<f4").tobytes())


@pytest.mark.parametrize(("stream", "kind", "shape"), [(COMPRESSED, b"bvx2", (36, 48)), (SHORT, b"bvxn", (12, 30))])
def test_streams_of_apples_encoder_are_unpacked(stream: bytes, kind: bytes, shape: tuple[int, int]) -> None:
    assert stream.startswith(kind)
    plain = depth(*shape)
    assert unpacked(stream, len(plain)).tobytes() == plain


def test_blocks_follow_each_other_and_refer_to_earlier_ones() -> None:
    plain = depth(12, 30)
    raw = b"bvx-" + struct.pack("<I", 5) + b"hello"
    stream = raw + SHORT[:-4] + COMPRESSED
    assert unpacked(stream, 5 + len(plain) + 6912).tobytes() == b"hello" + plain + depth(36, 48)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        # literals "abc"; a match of 6 at distance 3; the same distance again, 3; end
        (b"\xe3abc\x18\x03\x06", b"abc" + b"abcabc"),
        (b"\xe3abc\x18\x03\xf2\x06", b"abc" + b"abcabc" + b"ab"),
        (b"\x0e\xe0\x01" + bytes(range(17)) + b"\xf0\x00\x06", None),  # nothing to refer to yet
        # 17 literals; medium distance 17, length 3 with one literal; large distance 2, length 3
        (b"\xe0\x01" + bytes(range(17)) + b"\xa8\x44\x00Z\x07\x02\x00\x06", bytes([*range(17), 90, 1, 2, 3, 2, 3, 2])),
        (b"\x70\x06", None),  # an operation that does not exist
        (b"\xe3ab", None),  # cut short
    ],
)
def test_lzvn_by_hand(stream: bytes, expected: bytes | None) -> None:
    size = 8 if expected is None else len(expected)
    block = b"bvxn" + struct.pack("<II", size, len(stream)) + stream + b"bvx$"
    if expected is None:
        with pytest.raises(ValueError, match="LZFSE"):
            unpacked(block, size)
    else:
        assert unpacked(block, size).tobytes() == expected


@pytest.mark.parametrize("stream", [COMPRESSED, SHORT])
def test_a_stream_cut_anywhere_is_refused(stream: bytes) -> None:
    size = 6912 if stream is COMPRESSED else 1440
    for length in range(len(stream) - 1):
        with pytest.raises(ValueError, match="LZFSE"):
            unpacked(stream[:length], size)


def test_damage_is_refused_or_changes_values_only() -> None:
    chance = np.random.default_rng(0)
    refused = 0
    for _ in range(3000):
        data = bytearray(COMPRESSED if chance.random() < 0.5 else SHORT)
        for at in chance.integers(0, len(data), chance.integers(1, 4)):
            data[at] = chance.integers(256)
        try:
            assert len(unpacked(bytes(data), 6912)) == 6912
        except ValueError as error:
            assert "LZFSE" in str(error)
            refused += 1
    assert 0 < refused <= 3000


@pytest.mark.parametrize("size", [6911, 6913, 0])
def test_a_stream_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="LZFSE stream of"):
        unpacked(COMPRESSED, size)


def test_the_format_of_2015_is_named() -> None:
    with pytest.raises(ValueError, match="2015"):
        unpacked(b"bvx1" + bytes(800), 100)
