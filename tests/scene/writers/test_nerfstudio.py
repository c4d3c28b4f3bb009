"""A scan written as nerfstudio's capture, read back, and checked against nerfstudio's conventions by themselves."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from round_trip import assert_same_labels, assert_same_scene, opened

from o2recon.scene.readers.nerfstudio import NerfstudioReader
from o2recon.scene.readers.scannet import ScanNetReader
from o2recon.scene.recorded import RecordedScene
from o2recon.scene.writers.nerfstudio import NerfstudioWriter

READER = NerfstudioReader(
    file=None, world="original", masks="valid", instances="auto", labels="auto", depth_scale=0.001
)


@pytest.fixture
def scene(scan: Path) -> RecordedScene:
    return opened(scan, ScanNetReader())


def test_a_scan_comes_back_as_it_was(scene: RecordedScene, tmp_path: Path) -> None:
    NerfstudioWriter(root=tmp_path / "out")(scene)
    again = opened(tmp_path / "out", READER)
    assert_same_scene(scene, again, cameras=1e-9, depth=1e-3, color=0.0)
    assert_same_labels(scene, again)


def test_the_file_says_what_nerfstudio_expects(scene: RecordedScene, tmp_path: Path) -> None:
    scene.points = np.array([[1.0, 2, 3], [-1, 0, 0.5]])
    NerfstudioWriter(root=tmp_path / "out")(scene)
    content = json.loads((tmp_path / "out/transforms.json").read_text())
    k = scene.camera.intrinsics
    assert [content[key] for key in ("fl_x", "fl_y", "cx", "cy")] == [k[0, 0], k[1, 1], k[0, 2], k[1, 2]]
    assert (content["w"], content["h"], content["camera_model"]) == (160, 120, "OPENCV")
    frame = content["frames"][3]
    saved, pose = np.array(frame["transform_matrix"]), scene.poses[3]
    assert (saved[:3, 3] == pose[:3, 3]).all() and (saved[:3, 0] == pose[:3, 0]).all()
    assert (saved[:3, 1] == -pose[:3, 1]).all() and (saved[:3, 2] == -pose[:3, 2]).all()  # +y up, looking along -z
    depth = cv2.imread(str(tmp_path / "out" / frame["depth_file_path"]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(depth * 0.001, scene.frame(3).depth, atol=5e-4)
    color = cv2.imread(str(tmp_path / "out" / frame["file_path"]))
    assert (color[..., ::-1] == scene.frame(3).color).all()
    cloud = trimesh.load(tmp_path / "out" / content["ply_file_path"])
    assert (np.asarray(cloud.vertices) == scene.points).all()


def test_a_folder_that_is_there_is_left_alone(scene: RecordedScene, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"out is there and was not written by .* set convert\.root"):
        NerfstudioWriter(root=tmp_path / "out")(scene)
    assert (tmp_path / "out/mine.txt").read_text() == "mine"


def test_what_cannot_be_written_leaves_nothing(scene: RecordedScene, tmp_path: Path) -> None:
    scene.camera.intrinsics[0, 1] = 0.5
    with pytest.raises(ValueError, match="has skew"):
        NerfstudioWriter(root=tmp_path / "out")(scene)
    scene.camera.intrinsics[0, 1] = 0
    scene.check_damage = lambda: (_ for _ in ()).throw(ValueError("stopped"))  # type: ignore[method-assign]
    frame = scene.frame

    def broken(index: int) -> object:
        if index == 5:
            raise ValueError("stopped")
        return frame(index)

    scene.frame = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ValueError, match="stopped"):
        NerfstudioWriter(root=tmp_path / "out")(scene)
    assert list(tmp_path.iterdir()) == []
