"""Replica's sequences, in files written as NICE-SLAM and vMAP have them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from round_trip import assert_same_labels, assert_same_scene, opened

from o2recon.scene.capture import Capture
from o2recon.scene.readers import ReplicaReader, ScanNetReader
from o2recon.scene.readers.replica_classes import standard_labels
from o2recon.scene.writers import ReplicaWriter

CAM_PARAMS = """{
    "camera": {
        "w": 1200,
        "h": 680,
        "fx": 600.0,
        "fy": 600.0,
        "cx": 599.5,
        "cy": 339.5,
        "scale": 6553.5
    }
}"""
"""As published by NICE-SLAM."""
TRAJECTORY = """\
-3.205696220032456800e-01 4.480551946958012954e-01 -8.345547674986967257e-01 3.452987416406734678e+00 \
9.472249560947475500e-01 1.516354520391845484e-01 -2.824386167580063001e-01 4.546110134135947223e-01 \
-4.163336342344337027e-17 -8.810523436158487209e-01 -4.730170535082870600e-01 5.936285447159415085e-01 \
0.000000000000000000e+00 0.000000000000000000e+00 0.000000000000000000e+00 1.000000000000000000e+00
0 0 1 1 -1 0 0 2 0 -1 0 3 0 0 0 1
nan nan nan nan nan nan nan nan nan nan nan nan nan nan nan nan
"""
"""One row of room0's traj.txt, one looking along +x, one that is lost."""


@pytest.fixture
def nice_slam(tmp_path: Path) -> Path:
    """Three frames of a room; depth of 2 m is 13107."""
    root = tmp_path / "Replica" / "room0"
    (root / "results").mkdir(parents=True)
    (tmp_path / "Replica" / "cam_params.json").write_text(CAM_PARAMS)
    (root / "traj.txt").write_text(TRAJECTORY)
    for index in range(3):
        cv2.imwrite(str(root / "results" / f"frame{index:06d}.jpg"), np.full((680, 1200, 3), 40 * index, np.uint8))
        depth = np.full((680, 1200), 13107, np.uint16)
        depth[0] = 65535
        cv2.imwrite(str(root / "results" / f"depth{index:06d}.png"), depth)
    return root


def read(root: Path) -> Capture:
    return ReplicaReader(track="00")(root)


def test_nice_slams_files(nice_slam: Path) -> None:
    capture = read(nice_slam)
    assert [shot.index for shot in capture.shots] == [0, 1] and list(capture.damaged) == [2]
    assert "traj.txt, row 3" in capture.damaged[2]
    first, second = capture.shots
    assert np.abs(first.camera_to_world[:3, 3] - [3.4529874, 0.4546110, 0.5936285]).max() < 1e-6
    assert second.camera_to_world[:3].tolist() == [[0, 0, 1, 1], [-1, 0, 0, 2], [0, -1, 0, 3]]
    assert first.camera_to_world[2, 1] < -0.8, "the image's down is the world's down: OpenCV's axes"
    assert first.lens.camera.intrinsics.tolist() == [[600, 0, 600], [0, 600, 340], [0, 0, 1]]
    assert second.depth is not None
    depth = second.depth.read()
    assert np.allclose(depth[1:], 2000) and (depth[0] == 0).all()
    assert abs(int(second.color.read()[5, 5, 0]) - 40) < 3
    assert first.instance is None and not capture.labels


def test_without_cam_params_the_published_camera_and_unit_hold(nice_slam: Path) -> None:
    (nice_slam.parent / "cam_params.json").unlink()
    shot = read(nice_slam).shots[0]
    assert shot.depth is not None
    assert np.allclose(shot.depth.read()[1:], 2000) and shot.lens.camera.intrinsics[0, 0] == 600
    image = np.zeros((340, 600, 3), np.uint8)
    cv2.imwrite(str(nice_slam / "results" / "frame000000.jpg"), image)
    assert "its camera is for 1200x680: write cam_params.json" in read(nice_slam).damaged[0]


@pytest.mark.parametrize("below", ["", "imap/01"])
def test_vmaps_files(tmp_path: Path, below: str) -> None:
    folder = tmp_path / "room_0" / below
    for name, image in (
        ("rgb", np.full((680, 1200, 3), (10, 20, 30), np.uint8)),
        ("depth", np.full((680, 1200), 1500, np.uint16)),
        ("semantic_instance", np.full((680, 1200), 77, np.uint16)),
        ("semantic_class", np.full((680, 1200), 20, np.uint16)),
    ):
        (folder / name).mkdir(parents=True)
        for index in (0, 1):
            cv2.imwrite(str(folder / name / f"{name}_{index}.png"), image)
    (folder / "traj_w_c.txt").write_text("".join(TRAJECTORY.splitlines(keepends=True)[:2]))
    capture = ReplicaReader(track="01")(tmp_path / "room_0")
    assert [shot.index for shot in capture.shots] == [0, 1]
    shot = capture.shots[1]
    assert shot.depth and shot.instance and shot.label
    assert shot.color.read()[0, 0].tolist() == [30, 20, 10]
    assert (shot.depth.read() == 1500).all()
    assert (shot.instance.read() == 77).all() and (shot.label.read() == 20).all()
    assert capture.labels[20].raw_category == "chair" and capture.labels[20].nyu40 == -1


def test_class_numbers_are_those_that_vmap_lists() -> None:
    background = {"beam": 5, "blinds": 12, "curtain": 30, "ceiling": 31, "floor": 40, "pillar": 60, "switch": 79}
    background |= {"vent": 92, "wall": 93, "wall-plug": 95, "window": 97, "rug": 98}
    labels = standard_labels()
    assert {labels[i].raw_category: i for i in background.values()} == background
    assert len(labels) == 101 and all(labels[i].nyu40 > 0 for i in background.values())


def test_a_scan_written_and_read_back_is_the_same(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    source = write_scan(tmp_path / "scan", count=4, color=(324, 243), depth=(160, 120))
    (source / "pose" / "1.txt").unlink()
    scene = opened(source, ScanNetReader(), max_bad_share=0.5)
    ReplicaWriter(root=tmp_path / "out")(scene)
    back = opened(tmp_path / "out", ReplicaReader(track="00"))
    assert back.indices == (0, 2, 3)
    assert_same_scene(scene, back, cameras=1e-12, depth=1e-6, color=0)
    assert_same_labels(scene, back)
    assert np.loadtxt(tmp_path / "out" / "traj_w_c.txt").reshape(-1, 4, 4).shape == (4, 4, 4)


def _changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda r: (r / "traj.txt").unlink(), r"room0 holds neither traj\.txt"),
        (lambda r: (r / "traj.txt").write_text("1 2 3\n"), r"traj\.txt holds 3 numbers: 16"),
        (lambda r: (r / "traj.txt").write_text("a b c\n"), r"traj\.txt, line 1"),
        (lambda r: shutil.rmtree(r / "results"), r"results is missing"),
        (lambda r: (r.parent / "cam_params.json").write_text("{"), r"cam_params\.json is no JSON file"),
        (lambda r: _changed(r.parent / "cam_params.json", lambda c: c.pop("camera")), "must hold 'camera' with w, h"),
        (lambda r: _changed(r.parent / "cam_params.json", lambda c: c["camera"].update(fx=0)), "must be above 0"),
    ],
)
def test_what_is_missing_or_damaged_is_named(nice_slam: Path, fault: Callable[[Path], object], reason: str) -> None:
    fault(nice_slam)
    with pytest.raises(ValueError, match=reason):
        read(nice_slam)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["room0/traj.txt", "cam_params.json"])
def test_damaged_tables(nice_slam: Path, name: str) -> None:
    done = fuzz(nice_slam.parent / name, lambda: read(nice_slam), count=5000)
    assert done["refused"] > 500
