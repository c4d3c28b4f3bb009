"""COLMAP's dense depth maps."""

import struct
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz

from o2recon.scene.readers.colmap_depth_maps import depth_map_picture
from o2recon.scene.readers.naming import Companions

# By doc/format.rst: width&height&channels& and row-major float32.
SAMPLE = b"3&2&1&" + struct.pack("<6f", 0, 1.5, 2, 2.5, 0, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "b/image1.jpg.geometric.bin"
    path.parent.mkdir()
    path.write_bytes(SAMPLE)
    return path


def test_bytes_by_the_specification_are_read_as_they_are(path: Path) -> None:
    picture = depth_map_picture(path)
    assert picture.size == (3, 2) and (picture.read() == np.array([[0, 1.5, 2], [2.5, 0, 4]], np.float32)).all()


def test_maps_belong_to_the_image_of_their_name_and_checked_ones_come_first(path: Path) -> None:
    companions = Companions(path.parents[1], ["b/image1.jpg", "b/image2.jpg"], kind="depth")
    path.with_name("image1.jpg.photometric.bin").write_bytes(b"1&1&1&" + bytes(4))
    assert companions.picture("b/image1.jpg", 1).size == (3, 2)
    path.unlink()
    assert companions.picture("b/image1.jpg", 1).size == (1, 1)
    with pytest.raises(ValueError, match=r"b/image2\.png is missing"):
        companions.picture("b/image2.jpg", 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no depth map"),
        (b"3&2&3&" + bytes(72), "no depth map"),
        (b"-3&2&1&", "no depth map"),
        (SAMPLE[:-1], "is damaged: 23 bytes are no 3x2"),
        (b"0&2&1&", "is damaged"),
        (b"99999&99999&1&", "is damaged"),
    ],
)
def test_what_is_none_is_one_line_that_names_the_file(path: Path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as raised:
        depth_map_picture(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.slow
def test_damaged_maps(path: Path) -> None:
    assert fuzz(path, lambda: depth_map_picture(path).read(), count=10_000)["refused"] > 1000
