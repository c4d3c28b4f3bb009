"""A scan written as a COLMAP workspace and read back; bytes as COLMAP writes them itself."""

from pathlib import Path

import numpy as np
import pytest
from round_trip import assert_same_labels, assert_same_scene, opened

from o2recon.cameras import project
from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.colmap_model import read_model
from o2recon.scene.readers.scannet import ScanNetReader
from o2recon.scene.recorded import RecordedScene
from o2recon.scene.writers.colmap import ColmapWriter, write_cameras, write_images
from o2recon.scene.writers.colmap_points import Observations
from o2recon.types import Camera

READER = ColmapReader(
    model=None, images=None, depth="auto", instances="auto", labels="auto", max_error=2.0, min_track=3
)
# What COLMAP 4.2.1 (pycolmap) writes: a PINHOLE camera of 64x48 pixels; an image whose pose is 2 atan(4/3) about y,
# t = (0, 0.25, 1), named frame_00007.png, with two key points of the points 1 and 2.
CAMERAS = (
    "0100000000000000" "01000000" "01000000" "4000000000000000" "3000000000000000"
    "0000000000004940" "0000000000004a40" "0000000000404040" "0000000000403840"
)  # fmt: skip
IMAGES = (
    "0100000000000000" "01000000" "333333333333e33f" "0000000000000000" "9a9999999999e93f" "0000000000000000"
    "0000000000000000" "000000000000d03f" "000000000000f03f" "01000000" "6672616d655f30303030372e706e6700"
    "0200000000000000" "0000000000002440" "0000000000803440" "0100000000000000"
    "0000000000002640" "0000000000803440" "0200000000000000"
)  # fmt: skip


@pytest.fixture
def scene(scan: Path) -> RecordedScene:
    return opened(scan, ScanNetReader())


@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_a_scan_comes_back_as_it_was(scene: RecordedScene, tmp_path: Path, kind: str) -> None:
    ColmapWriter(root=tmp_path / "out", format=kind, points=100)(scene)  # type: ignore[arg-type]
    again = opened(tmp_path / "out", READER)
    assert_same_scene(scene, again, cameras=1e-9, depth=1e-3, color=0.0)
    assert_same_labels(scene, again)


def test_bytes_are_colmaps_own(tmp_path: Path) -> None:
    camera = Camera(np.array([[50, 0, 32.5], [0, 52, 48.5 / 2], [0, 0, 1]]), 64, 48)
    write_cameras(tmp_path, Camera(camera.intrinsics, 64, 48), (50.0, 52.0, 32.5, 24.25), binary=True)
    assert (tmp_path / "cameras.bin").read_bytes().hex() == CAMERAS
    pose = np.array([[-0.28, 0, -0.96, 0.96], [0, 1, 0, -0.25], [0.96, 0, -0.28, 0.28], [0, 0, 0, 1]])
    seen = Observations(np.array([[10.0, 20.5], [11, 20.5]]), np.array([1, 2]))
    write_images(tmp_path, {7: pose}, [seen], binary=True)
    mine, theirs = (tmp_path / "images.bin").read_bytes(), bytes.fromhex(IMAGES)
    numbers = slice(12, 68)  # the pose, to the last bits of the rotation
    np.testing.assert_allclose(np.frombuffer(mine[numbers]), np.frombuffer(theirs[numbers]), atol=1e-15)
    assert mine[:12] + mine[68:] == theirs[:12] + theirs[68:]


@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_sparse_points_come_back_where_enough_images_see_them(scene: RecordedScene, tmp_path: Path, kind: str) -> None:
    on_box, behind, outside = [0.1, -0.2, 0.6], [0.0, 0.0, 0.3], [0.0, 0.0, 50.0]
    scene.points = np.array([on_box, behind, outside])
    ColmapWriter(root=tmp_path / "out", format=kind, points=100)(scene)  # type: ignore[arg-type]
    again = opened(tmp_path / "out", READER)
    assert again.points is not None
    np.testing.assert_allclose(again.points, [on_box], atol=1e-12)


def test_without_sparse_points_some_are_taken_from_depth(scene: RecordedScene, tmp_path: Path) -> None:
    ColmapWriter(root=tmp_path / "out", format="bin", points=600)(scene)
    model = read_model(tmp_path / "out/sparse/0")
    assert model.points is not None and len(model.points.positions) == 600
    z = model.points.positions[:, 2]
    surface = np.minimum(np.abs(z), np.abs(z - 0.6))
    side = np.abs(np.abs(model.points.positions[:, :2]) - 0.3).min(1)
    assert np.minimum(surface, side).max() < 2e-3  # floor or box
    ColmapWriter(root=tmp_path / "none", format="bin", points=0)(scene)
    model = read_model(tmp_path / "none/sparse/0")
    assert model.points is not None and len(model.points.positions) == 0


def test_observations_are_where_the_camera_sees_the_points(scene: RecordedScene, tmp_path: Path) -> None:
    ColmapWriter(root=tmp_path / "out", format="txt", points=60)(scene)
    points = [line.split() for line in (tmp_path / "out/sparse/0/points3D.txt").read_text().splitlines()[1:]]
    positions = {int(row[0]): np.array(row[1:4], float) for row in points}
    lines = (tmp_path / "out/sparse/0/images.txt").read_text().splitlines()[2:]
    for index, keys in zip(scene.indices, lines[1::2], strict=True):
        rows = np.array(keys.split(), float).reshape(-1, 3)
        at, _ = project(scene.camera, scene.poses[index], np.stack([positions[int(n)] for n in rows[:, 2]]))
        np.testing.assert_allclose(at, rows[:, :2], atol=1e-6)


def test_only_our_own_workspaces_have_a_known_up(scene: RecordedScene, tmp_path: Path) -> None:
    ColmapWriter(root=tmp_path / "out", format="bin", points=0)(scene)
    up = READER(tmp_path / "out").up
    assert up is not None and (up == [0, 0, 1]).all()
    (tmp_path / "out/converted.json").unlink()
    assert READER(tmp_path / "out").up is None


def test_scenes_without_depth_or_ids_have_no_such_folders(scene: RecordedScene, tmp_path: Path) -> None:
    scene.has_depth = scene.has_instances = False
    scene.labels = {}
    ColmapWriter(root=tmp_path / "out", format="bin", points=100)(scene)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"images", "sparse", "converted.json"}


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"convert\.points is -1"):
        ColmapWriter(root=tmp_path, format="bin", points=-1)
