"""EXR depth: files of the OpenEXR library, packed in each usual way, come out as they went in."""

import struct

import numpy as np
import pytest
from packed_depth import HALF, ZIP, ZIPS
from phone_layouts import raw_exr

from o2recon.scene.readers.exr import exr_header, read_exr


def true(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return ((1500 + 8 * y + x // 6 % 3 * 4) / np.float32(1000)).astype(np.float32)


def rle(values: bytes) -> bytes:
    """Runs of one byte and stretches of others, as the format packs them."""
    packed, at = b"", 0
    while at < len(values):
        run = 1
        while at + run < len(values) and values[at + run] == values[at] and run < 128:
            run += 1
        packed += bytes([run - 1, values[at]]) if run > 2 else bytes([256 - run]) + values[at : at + run]
        at += run
    return packed


@pytest.mark.parametrize(("name", "tolerance"), [("ZIPS", 0), ("ZIP", 0), ("HALF", 1e-3)])
def test_files_of_the_openexr_library_are_read(name: str, tolerance: float) -> None:
    image = read_exr("depth.exr", {"ZIPS": ZIPS, "ZIP": ZIP, "HALF": HALF}[name])
    assert image.dtype == np.float32
    assert np.abs(image - true(18, 20)).max() <= tolerance


def test_lines_stored_as_they_are_and_runs_are_read() -> None:
    depth = true(7, 9)
    plain = raw_exr(depth)
    np.testing.assert_array_equal(read_exr("depth.exr", plain), depth)
    head = exr_header("depth.exr", plain).table
    packed, lines = (
        plain[:head].replace(b"compression\0compression\0\x01\0\0\0\0", b"compression\0compression\0\x01\0\0\0\x01"),
        [],
    )
    for row in depth:
        data = np.frombuffer(row.tobytes(), np.uint8)
        data = np.concatenate([data[::2], data[1::2]])
        lines.append(rle(bytes([data[0], *((np.diff(data.astype(int)) + 128) % 256)])))
    at = head + 8 * len(lines)
    for line in lines:
        packed += struct.pack("<Q", at)
        at += 8 + len(line)
    packed += b"".join(struct.pack("<ii", y, len(line)) + line for y, line in enumerate(lines))
    np.testing.assert_array_equal(read_exr("depth.exr", packed), depth)


def test_what_is_packed_unusually_is_named() -> None:
    piz = ZIP.replace(b"compression\0compression\0\x01\0\0\0\x03", b"compression\0compression\0\x01\0\0\0\x04")
    assert piz != ZIP
    with pytest.raises(ValueError, match=r"depth.exr is packed with PIZ"):
        read_exr("depth.exr", piz)
    tiled = ZIP[:5] + b"\x02" + ZIP[6:]
    with pytest.raises(ValueError, match=r"depth.exr is a tiled"):
        read_exr("depth.exr", tiled)


def test_sizes_beyond_any_image_are_refused_before_room_is_made() -> None:
    window = struct.pack("<4i", 0, 0, 19, 17)
    huge = ZIP.replace(window, struct.pack("<4i", 0, 0, 2**30, 2**30), 1)
    assert huge != ZIP
    with pytest.raises(ValueError, match=r"depth.exr says it is \d+x\d+"):
        read_exr("depth.exr", huge)


@pytest.mark.parametrize("data", [ZIP, ZIPS, HALF])
def test_damage_is_refused_or_changes_values_only(data: bytes) -> None:
    chance = np.random.default_rng(0)
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"depth\.exr"):
            read_exr("depth.exr", data[:length])
    for _ in range(700):
        damaged = bytearray(data)
        for at in chance.integers(0, len(data), chance.integers(1, 4)):
            damaged[at] = chance.integers(256)
        try:
            read_exr("depth.exr", bytes(damaged))
        except ValueError as error:
            assert "depth.exr" in str(error) and "\n" not in str(error)
