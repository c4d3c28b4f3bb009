"""TUM and BundleFusion written: read back as the same scene, and by nothing but numpy, scipy and OpenCV."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from round_trip import assert_same_scene, opened
from scipy.spatial.transform import Rotation

from o2recon.scene import RecordedScene
from o2recon.scene.capture import Capture
from o2recon.scene.readers import BundleFusionReader, ScanNetReader, TumReader
from o2recon.scene.writers import BundleFusionWriter, TumWriter

TUM = TumReader(intrinsics="auto", trajectory="groundtruth.txt", max_difference=0.02)
UP = [0.0, 0.0, 1.0]


@pytest.fixture(scope="module")
def scene(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> RecordedScene:
    """Every other frame: numbers have gaps. Colour on another grid than depth."""
    root = write_scan(tmp_path_factory.mktemp("source") / "scan", count=7, color=(324, 243), depth=(160, 120))
    return opened(root, ScanNetReader(), frame_skip=2)


def test_tum_comes_back_as_it_was(scene: RecordedScene, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    TumWriter(root=tmp_path / "out")(scene)
    assert ("TUM has no place for categories" in caplog.text) == bool(scene.labels)
    back = opened(tmp_path / "out", TUM, depth_scale=0.0002)
    assert back.indices == (0, 2, 4, 6)
    assert_same_scene(scene, back, cameras=1e-9, depth=1e-4, color=0.0)


def test_bundlefusion_comes_back_as_it_was(
    scene: RecordedScene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    BundleFusionWriter(root=tmp_path / "out")(scene)
    assert scene.labels and "BundleFusion has no place for categories" in caplog.text
    caplog.clear()
    BundleFusionWriter(root=tmp_path / "again")(opened(tmp_path / "out", BundleFusionReader(), up=UP))
    assert "no place for categories" not in caplog.text
    back = opened(tmp_path / "out", BundleFusionReader(), up=UP)
    assert_same_scene(scene, back, cameras=1e-9, depth=5e-4, color=3.0)


def test_the_lists_are_those_of_the_benchmark(scene: RecordedScene, tmp_path: Path) -> None:
    root = tmp_path / "out"
    TumWriter(root=root)(scene)
    poses = np.loadtxt(root / "groundtruth.txt")
    np.testing.assert_allclose(poses[:, 0] * 30, [0, 2, 4, 6], atol=1e-4)
    for row, index in zip(poses, scene.indices, strict=True):
        np.testing.assert_allclose(row[1:4], scene.poses[index][:3, 3], atol=1e-15)
        rotation = Rotation.from_quat(row[4:]).as_matrix()
        np.testing.assert_allclose(rotation, scene.poses[index][:3, :3], atol=1e-12)
    rows = [line.split() for line in (root / "associated.txt").read_text().splitlines()]
    assert rows[1] == ["0.066667", "rgb/000002.png", "0.066667", "depth/000002.png"]
    assert [row[:2] for row in rows] == [
        line.split() for line in (root / "rgb.txt").read_text().splitlines() if not line.startswith("#")
    ]
    depth = cv2.imread(str(root / "depth/000002.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(depth / 5000, scene.frame(2).depth, atol=1.1e-4)
    k = scene.camera.intrinsics
    expected = [k[0, 0], k[1, 1], k[0, 2] - 0.5, k[1, 2] - 0.5]
    np.testing.assert_array_equal(np.loadtxt(root / "calibration.txt"), expected)


def test_depth_that_does_not_fit_is_dropped(scene: RecordedScene, tmp_path: Path) -> None:
    def far(root: Path) -> Capture:
        found = ScanNetReader()(root)
        image = np.full((120, 160), 13.2, np.float32)
        image[0] = 13.1
        shots = [replace(s, depth=replace(s.depth, read=lambda: image)) for s in found.shots]  # type: ignore[type-var]
        return replace(found, shots=tuple(shots))

    TumWriter(root=tmp_path / "out")(opened(scene.root, far, depth_scale=1.0))
    depth = cv2.imread(str(tmp_path / "out/depth/000000.png"), cv2.IMREAD_UNCHANGED)
    assert (depth[0] == 65500).all() and not depth[1:].any()


def test_info_says_what_bundlefusion_expects(scene: RecordedScene, tmp_path: Path) -> None:
    root = tmp_path / "out"
    BundleFusionWriter(root=root)(scene)
    info = dict(line.split(" = ") for line in (root / "info.txt").read_text().splitlines())
    assert (info["m_depthWidth"], info["m_colorHeight"], info["m_frames.size"]) == ("160", "120", "4")
    matrix = np.array(info["m_calibrationDepthIntrinsic"].split(), float).reshape(4, 4)
    np.testing.assert_allclose(matrix, [[144, 0, 79.5, 0], [0, 144, 59.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]], atol=1e-5)
    assert np.abs(np.loadtxt(root / "frame-000004.pose.txt") - scene.poses[4]).max() == 0
    depth = cv2.imread(str(root / "frame-000004.depth.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(depth * 0.001, scene.frame(4).depth, atol=5e-4)
