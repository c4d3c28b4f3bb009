"""Depth from .npy files."""

from pathlib import Path

import numpy as np
import pytest

from o2recon.scene.readers.npy import npy_picture

# numpy.lib.format, version 1.0, written by hand: magic, version, length of the header, header, numbers.
HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
SAMPLE = b"\x93NUMPY\x01\x00" + bytes([118, 0]) + HEADER.ljust(117) + b"\n" + np.arange(6, dtype="<f4").tobytes()


def test_bytes_by_the_specification_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "depth.npy").write_bytes(SAMPLE)
    picture = npy_picture(tmp_path / "depth.npy")
    assert picture.size == (3, 2) and (picture.read() == [[0, 1, 2], [3, 4, 5]]).all()


def test_a_trailing_channel_of_one_is_dropped(tmp_path: Path) -> None:
    np.save(tmp_path / "depth.npy", np.ones((4, 5, 1), np.uint16))
    picture = npy_picture(tmp_path / "depth.npy")
    assert picture.size == (5, 4) and picture.read().shape == (4, 5)


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<u2", ">u2", "|u1", "<f2", "<i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_writes_is_read(tmp_path: Path, kind: str, order: str) -> None:
    depth = np.arange(20).reshape(4, 5).astype(kind)
    np.save(tmp_path / "depth.npy", np.asarray(depth, order="F" if order == "F" else "C"))
    assert (npy_picture(tmp_path / "depth.npy").read() == depth).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no .npy file"),
        (SAMPLE[:-1], "is damaged: 23 bytes are no 2 x 3 of 4"),
        (SAMPLE.replace(b"<f4", b"|O8"), "no .npy file"),
        (SAMPLE.replace(b"(2, 3), }", b"(6,), }  "), "no .npy file"),
        (SAMPLE.replace(b"(2, 3), }", b"(2, 9**9)"), "no .npy file"),
        (SAMPLE.replace(b"(2, 3)", b"(0, 3)"), "is damaged"),
    ],
)
def test_what_is_no_depth_is_one_line_that_names_the_file(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "depth.npy").write_bytes(data)
    with pytest.raises(ValueError, match=message) as raised:
        npy_picture(tmp_path / "depth.npy")
    assert str(tmp_path / "depth.npy") in str(raised.value) and "\n" not in str(raised.value)
