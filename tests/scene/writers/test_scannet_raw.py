"""`.sens` written: read back by the reader, and byte by byte with struct as ScanNet's SensReader does."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from round_trip import assert_same_labels, assert_same_scene, opened

from o2recon.scene.readers import ScanNetRawReader, ScanNetReader
from o2recon.scene.writers import ScanNetRawWriter


@pytest.fixture(scope="module")
def source(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour and ids on other grids than depth; frames 0, 1, 3, 4."""
    root = write_scan(tmp_path_factory.mktemp("source") / "scan", count=5, color=(324, 243), depth=(160, 120))
    for folder in ("color", "depth", "pose", "instance-filt", "label-filt"):
        next((root / folder).glob("2.*")).unlink()
    return root


@pytest.mark.parametrize(("color", "difference"), [("png", 0.0), ("jpg", 3.0)])
def test_a_scene_written_and_read_back_is_the_same(source: Path, tmp_path: Path, color: str, difference: float) -> None:
    scene = opened(source, ScanNetReader())
    ScanNetRawWriter(root=tmp_path / "out", color=color)(scene)
    back = opened(tmp_path / "out", ScanNetRawReader())
    assert back.indices == (0, 1, 3, 4) and not back.skipped
    assert_same_scene(scene, back, cameras=1e-6, depth=1e-6, color=difference)
    assert_same_labels(scene, back)


def test_the_bytes_are_those_of_the_format(source: Path, tmp_path: Path) -> None:
    ScanNetRawWriter(root=tmp_path / "out", color="jpg")(opened(source, ScanNetReader()))
    with open(tmp_path / "out" / "scan.sens", "rb") as file:

        def take(layout: str) -> tuple[float, ...]:
            return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

        version, length = take("IQ")
        assert (version, file.read(int(length))) == (4, b"o2recon")
        matrices = [np.array(take("16f")).reshape(4, 4) for _ in range(4)]
        assert matrices[0][:2, :3].tolist() == [[144, 0, 79.5], [0, 144, 59.5]]
        assert (
            (matrices[0] == matrices[2]).all() and (matrices[1] == np.eye(4)).all() and (matrices[3] == np.eye(4)).all()
        )
        assert take("iiIIIIfQ") == (2, 1, 160, 120, 160, 120, 1000.0, 5)
        for index in range(5):
            pose = np.array(take("16f")).reshape(4, 4)
            times, sizes = take("QQ"), take("QQ")
            color, depth = file.read(int(sizes[0])), file.read(int(sizes[1]))
            if index == 2:
                assert (pose == -np.inf).all() and sizes == (0, 0)
                continue
            assert times == (33_333 * index,) * 2
            assert np.abs(pose - np.loadtxt(source / f"pose/{index}.txt")).max() < 1e-6
            assert cv2.imdecode(np.frombuffer(color, np.uint8), cv2.IMREAD_COLOR).shape == (120, 160, 3)
            written = cv2.imread(str(source / f"depth/{index}.png"), cv2.IMREAD_UNCHANGED)
            assert zlib.decompress(depth) == written.tobytes()
        assert take("Q") == (0,) and not file.read()
    with zipfile.ZipFile(tmp_path / "out" / "scan_2d-label-filt.zip") as archive:
        assert archive.namelist() == [f"label-filt/{index}.png" for index in (0, 1, 3, 4)] and archive.testzip() is None


def test_mesh_and_annotation_go_along(source: Path, tmp_path: Path) -> None:
    names = ("scan_vh_clean_2.ply", "scan_vh_clean.aggregation.json", "scan_vh_clean_2.0.010000.segs.json")
    for name in names:
        (source / name).write_bytes(name.encode())
    scene = opened(source, ScanNetReader())
    ScanNetRawWriter(root=tmp_path / "out", color="jpg")(scene)
    ScanNetRawWriter(root=tmp_path / "turned", color="jpg")(opened(source, ScanNetReader(), up=(0, 1, 0)))
    assert all((tmp_path / "out" / name).read_bytes() == name.encode() for name in names)
    assert not any((tmp_path / "turned" / name).exists() for name in names)
    for name in names:
        (source / name).unlink()


def test_depth_is_needed(source: Path, tmp_path: Path) -> None:
    scene = opened(source, ScanNetReader())
    scene.has_depth = False
    with pytest.raises(ValueError, match=r"has no depth, which \.sens needs"):
        ScanNetRawWriter(root=tmp_path / "out", color="jpg")(scene)
    with pytest.raises(ValueError, match="choose png or jpg"):
        ScanNetRawWriter(root=tmp_path / "out", color="bmp")
