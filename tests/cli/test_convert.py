"""`o2recon convert`: the command, its last line, and that its result can be run on."""

from pathlib import Path

import numpy as np
import pytest
from round_trip import assert_same_scene, opened

from o2recon.cli.main import status_of
from o2recon.scene.readers import ScanNetReader


def convert(room: Path, root: Path, *overrides: str) -> int:
    return status_of(["convert", f"scene.root={room}", f"convert.root={root}", *overrides])


def test_a_room_is_converted_with_its_truth_and_sketches(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "a room"
    assert convert(tiny_room, root, "convert.color=png", "scene.frame_skip=2") == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == f"7 frames are in {root}. Run on them: o2recon run scene=scannet 'scene.root={root}' object=all"
    source = opened(tiny_room, ScanNetReader(), frame_skip=2)
    written = opened(root, ScanNetReader())
    assert_same_scene(source, written, color=0)
    assert written.groundtruth is not None and (written.groundtruth / "1.ply").is_file()
    assert source.floor_height() == pytest.approx(written.floor_height(), abs=1e-6)
    masks = written.sketches(1)
    for view, mask in source.sketches(1).items():
        np.testing.assert_array_equal(masks[view], mask)


def test_a_mistake_is_one_line_and_nothing_is_written(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(["convert", f"scene.root={tiny_room}"]) == 2
    assert "convert.root is needed" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"mine")
    assert convert(tiny_room, tmp_path / "photos") == 2
    assert "was not written by 'o2recon convert'" in capsys.readouterr().err
    assert convert(tiny_room, tmp_path / "new", "convert.color=bmp") == 2
    assert "choose jpg or png" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["photos"] and (tmp_path / "photos/mine.jpg").is_file()
