"""ScanNet's layout written: read back by the reader, and by nothing but numpy and OpenCV."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from round_trip import assert_same_labels, assert_same_scene, opened

from o2recon.scene.capture import Capture
from o2recon.scene.readers import ScanNetReader
from o2recon.scene.writers import ScanNetWriter


@pytest.fixture(scope="module")
def source(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour and ids on other grids than depth."""
    return write_scan(tmp_path_factory.mktemp("source") / "scan", count=5, color=(324, 243), depth=(160, 120))


@pytest.mark.parametrize(("color", "difference"), [("png", 0.0), ("jpg", 3.0)])
def test_a_scene_written_and_read_back_is_the_same(source: Path, tmp_path: Path, color: str, difference: float) -> None:
    scene = opened(source, ScanNetReader())
    ScanNetWriter(root=tmp_path / "out", color=color)(scene)
    back = opened(tmp_path / "out", ScanNetReader())
    assert_same_scene(scene, back, cameras=1e-12, depth=1e-6, color=difference)
    assert_same_labels(scene, back)


def test_other_programs_read_what_was_written(source: Path, tmp_path: Path) -> None:
    scene = opened(source, ScanNetReader())
    root = tmp_path / "out"
    ScanNetWriter(root=root, color="jpg")(scene)
    for kind in ("color", "depth"):
        k = np.loadtxt(root / f"intrinsic/intrinsic_{kind}.txt")
        np.testing.assert_allclose(k[:2, :3], [[144, 0, 79.5], [0, 144, 59.5]], atol=1e-6)
        assert (np.loadtxt(root / f"intrinsic/extrinsic_{kind}.txt") == np.eye(4)).all()
    true = np.loadtxt(source / "pose/3.txt")
    np.testing.assert_allclose(np.loadtxt(root / "pose/3.txt"), true, atol=1e-7)
    depth = cv2.imread(str(root / "depth/3.png"), cv2.IMREAD_UNCHANGED)
    written = cv2.imread(str(source / "depth/3.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16 and (depth == written).all()
    ids = cv2.imread(str(root / "instance-filt/3.png"), cv2.IMREAD_UNCHANGED)
    labels = cv2.imread(str(root / "label-filt/3.png"), cv2.IMREAD_UNCHANGED)
    assert ids.dtype == np.uint8 and (labels == np.where(ids == 1, 2, 3))[depth > 0].all()
    assert cv2.imread(str(root / "color/3.jpg")).shape == (120, 160, 3)
    table = (root / "scannetv2-labels.combined.tsv").read_text().splitlines()
    assert table[0].split("\t")[:2] == ["id", "raw_category"] and table[1].split("\t")[:2] == ["2", "stack of chairs"]


def test_ids_above_255_keep_their_value_and_above_65535_are_named(source: Path, tmp_path: Path) -> None:
    def with_id(value: int) -> Callable[[Path], Capture]:
        def read(root: Path) -> Capture:
            found = ScanNetReader()(root)
            size = (160, 120)
            image = np.full((120, 160), value, np.int32)
            shots = [replace(s, instance=replace(s.instance, size=size, read=lambda: image)) for s in found.shots]  # type: ignore[type-var]
            return replace(found, shots=tuple(shots))

        return read

    ScanNetWriter(root=tmp_path / "out", color="jpg")(opened(source, with_id(40000)))
    assert (opened(tmp_path / "out", ScanNetReader()).instance(2) == 40000).all()
    with pytest.raises(ValueError, match=r"frame 0 has the id 70000: .* at most 65535"):
        ScanNetWriter(root=tmp_path / "out", color="jpg")(opened(source, with_id(70000)))
    assert (opened(tmp_path / "out", ScanNetReader()).instance(2) == 40000).all(), "a failed conversion changes nothing"


def test_what_the_layout_cannot_say_is_an_error_or_a_warning(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def without(**parts: None) -> Callable[[Path], Capture]:
        def read(root: Path) -> Capture:
            found = ScanNetReader()(root)
            return replace(found, shots=tuple(replace(s, **parts) for s in found.shots))

        return read

    with pytest.raises(ValueError, match="has no depth, which ScanNet's layout needs"):
        ScanNetWriter(root=tmp_path / "out", color="jpg")(opened(source, without(depth=None, depth_lens=None)))
    assert not (tmp_path / "out").exists()
    ScanNetWriter(root=tmp_path / "out", color="jpg")(opened(source, without(instance=None)))
    assert "has no object ids" in caplog.text
    assert not opened(tmp_path / "out", ScanNetReader()).instance(0).any()


def test_only_an_earlier_conversion_is_replaced(source: Path, tmp_path: Path) -> None:
    scene, root = opened(source, ScanNetReader()), tmp_path / "out"
    write = ScanNetWriter(root=root, color="jpg")
    write(scene)
    (root / "color/900.jpg").write_bytes(b"of an earlier conversion")
    write(scene)
    assert not (root / "color/900.jpg").exists()
    (root / "converted.json").unlink()
    with pytest.raises(ValueError, match=r"was not written by 'o2recon convert': set convert.root"):
        write(scene)
    for inside in (source, source.parent):
        with pytest.raises(ValueError, match=r"holds the capture .* itself"):
            ScanNetWriter(root=inside, color="jpg")(scene)
    assert len(list((source / "color").iterdir())) == 5
