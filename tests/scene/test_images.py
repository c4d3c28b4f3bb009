"""Pictures from files: headers first, damage named, sizes bounded; ten thousand damaged files of each kind."""

import shutil
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from round_trip import opened

from o2recon.scene import DamagedFrame
from o2recon.scene.headers import MAX_PIXELS
from o2recon.scene.images import Kind, decoded, file_picture
from o2recon.scene.readers import ScanNetReader

RNG = np.random.default_rng(0)
SMOOTH = cv2.resize(RNG.integers(0, 65535, (6, 8), dtype=np.uint16), (40, 30))
IMAGES: dict[str, tuple[Kind, np.ndarray]] = {
    "depth.png": ("depth", SMOOTH),
    "ids.png": ("ids", (SMOOTH // 9000).astype(np.uint8)),
    "color.png": ("color", np.stack([SMOOTH >> 8, SMOOTH >> 9, SMOOTH >> 10], -1).astype(np.uint8)),
    "color.jpg": ("color", np.stack([SMOOTH >> 8, SMOOTH >> 9, SMOOTH >> 10], -1).astype(np.uint8)),
}


def written(path: Path, image: np.ndarray) -> Path:
    ok, data = cv2.imencode(path.suffix, image[..., ::-1] if image.ndim == 3 else image)
    assert ok
    path.write_bytes(data.tobytes())
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def repaired(data: bytes) -> bytes:
    """Checksums put right: a decoder gets to see the damage."""
    out, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return out + data[at:]


@pytest.mark.parametrize("name", IMAGES)
def test_a_picture_is_what_was_written(tmp_path: Path, name: str) -> None:
    kind, image = IMAGES[name]
    picture = file_picture(written(tmp_path / name, image), kind)
    assert picture.size == (40, 30) and picture.source == str(tmp_path / name)
    read = picture.read()
    assert read.dtype == image.dtype and read.shape == image.shape
    assert np.abs(read.astype(float) - image).max() <= (0 if name.endswith("png") else 30)


def test_a_png_written_byte_by_byte_after_the_specification_is_read(tmp_path: Path) -> None:
    """Three rows of two 16-bit grey pixels: filter byte 0, then big-endian values (PNG, third edition, 7.2 and 9)."""
    values = np.array([[1, 256], [65535, 0], [4660, 2]], np.uint16)
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 16, 0, 0, 0, 0))
    path = tmp_path / "depth.png"
    path.write_bytes(start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    picture = file_picture(path, "depth")
    assert picture.size == (2, 3) and (picture.read() == values).all()


def test_an_image_that_claims_to_be_huge_is_refused_before_room_is_made(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0))
    data = start + chunk(b"IDAT", zlib.compress(b"\x00" * 100)) + chunk(b"IEND", b"")
    path = tmp_path / "depth.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"depth\.png says it is 11586x11586 pixels: at most"):
        file_picture(path, "depth")
    with pytest.raises(DamagedFrame, match=r"a\.zip/depth\.png .*pixels: at most"):
        decoded("a.zip/depth.png", data, "depth")


def test_what_does_not_hold_what_it_should_is_named(tmp_path: Path) -> None:
    color = written(tmp_path / "color.png", IMAGES["color.png"][1])
    with pytest.raises(ValueError, match=r"color\.png is no 16-bit image with one channel"):
        file_picture(color, "depth")
    with pytest.raises(ValueError, match=r"color\.png has 3 channels, ids need one"):
        file_picture(color, "ids")
    picture = file_picture(color, "color")
    color.unlink()
    with pytest.raises(DamagedFrame, match=r"color\.png cannot be read: No such file"):
        picture.read()


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    kind, image = IMAGES["ids.png"]
    before = file_picture(written(tmp_path / "ids.png", image), kind).stamp
    assert file_picture(tmp_path / "ids.png", kind).stamp == before
    assert file_picture(written(tmp_path / "ids.png", image // 2), kind).stamp != before


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_damaged_images(tmp_path: Path, name: str) -> None:
    kind, image = IMAGES[name]
    path = written(tmp_path / name, image)

    def read() -> None:
        assert file_picture(path, kind).read().size <= 3 * MAX_PIXELS

    done = fuzz(path, read, count=10_000, named=path, repair=repaired if name.endswith("png") else None)
    assert done["refused"] > 1000 and done["read"] > (100 if name.endswith("png") else 1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["pose/0.txt", "intrinsic/intrinsic_depth.txt", "intrinsic/extrinsic_color.txt", "scannetv2-labels.combined.tsv"],
)
def test_damaged_text_of_a_scan(scan: Path, tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(scan, tmp_path / "scan"))
    for folder in ("color", "depth", "pose", "instance-filt", "label-filt"):
        for file in (root / folder).iterdir():
            if file.stem not in ("0", "1"):
                file.unlink()

    def read() -> None:
        opened(root, ScanNetReader(), max_bad_share=0.4).frame(1)

    done = fuzz(root / name, read, count=10_000, named=root)
    assert done["refused"] > 300
