"""7-Scenes and BundleFusion: frames side by side, by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import phone_layouts as layouts
import pytest
from phone_layouts import View

from o2recon.scene.readers import BundleFusionReader, SevenScenesReader
from o2recon.scene.readers.two_cameras import seen_from
from o2recon.types import Camera

INFO = """m_versionNumber = 4
m_sensorName = StructureSensor
m_colorWidth = 1296
m_colorHeight = 968
m_depthWidth = 640
m_depthHeight = 480
m_depthShift = 1000
m_calibrationColorIntrinsic = 1158.3 0 649 0 0 1153.53 483.5 0 0 0 1 0 0 0 0 1\x20
m_calibrationColorExtrinsic = 1 0 0 -0 0 1 0 -0 0 0 1 -0 0 0 0 1\x20
m_calibrationDepthIntrinsic = 572 0 320 0 0 572 240 0 0 0 1 0 0 0 0 1\x20
m_calibrationDepthExtrinsic = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\x20
m_frames.size = 2
"""
"""As ScanNet's and BundleFusion's tools print it."""
SEVEN_POSE = (
    "1.0000000e+000\t 0.0000000e+000\t 0.0000000e+000\t 5.0000000e-001\t \n"
    "0.0000000e+000\t 0.0000000e+000\t-1.0000000e+000\t-2.5000000e-001\t \n"
    "0.0000000e+000\t 1.0000000e+000\t 0.0000000e+000\t 1.2500000e+000\t \n"
    "0.0000000e+000\t 0.0000000e+000\t 0.0000000e+000\t 1.0000000e+000\t \n"
)
"""Numbers and blanks as in the data set."""


def seven(
    depth_focal: float = 585.0,
    color_focal: float = 525.0,
    sequences: Sequence[int] | None = None,
    color_offset: Sequence[float] | None = None,
) -> SevenScenesReader:
    return SevenScenesReader(
        depth_focal=depth_focal, color_focal=color_focal, color_offset=color_offset, sequences=sequences
    )


def frame(folder: Path, number: int, pose: str, *, color: str = "png", sizes: tuple[int, int] = (640, 480)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"frame-{number:06d}"
    cv2.imwrite(f"{stem}.color.{color}", np.full((sizes[1], sizes[0], 3), 90, np.uint8))
    depth = np.full((480, 640), 1500, np.uint16)
    depth[0, 0] = 65535
    cv2.imwrite(f"{stem}.depth.png", depth)
    Path(f"{stem}.pose.txt").write_text(pose)


def test_a_frame_of_seven_scenes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame(tmp_path / "chess" / "seq-01", 7, SEVEN_POSE)
    with caplog.at_level("WARNING"):
        capture = seven()(tmp_path / "chess")
    (shot,) = capture.shots
    assert shot.index == 1_000_007
    np.testing.assert_array_equal(
        shot.camera_to_world, [[1, 0, 0, 0.5], [0, 0, -1, -0.25], [0, 1, 0, 1.25], [0, 0, 0, 1]]
    )
    assert shot.depth_lens is not None
    np.testing.assert_array_equal(shot.depth_lens.camera.intrinsics, [[585, 0, 320], [0, 585, 240], [0, 0, 1]])
    np.testing.assert_array_equal(shot.lens.camera.intrinsics, [[525, 0, 320], [0, 525, 240], [0, 0, 1]])
    assert capture.up is None
    assert "not registered" in caplog.text


def test_all_sequences_of_a_scene_are_read_or_those_that_are_named(tmp_path: Path) -> None:
    for number in (1, 2, 12):
        frame(tmp_path / f"seq-{number:02d}", 0, SEVEN_POSE)
    (tmp_path / "seq-03.zip").write_bytes(b"")
    assert [shot.index for shot in seven()(tmp_path).shots] == [1_000_000, 2_000_000, 12_000_000]
    assert [shot.index for shot in seven(sequences=[12])(tmp_path).shots] == [12_000_000]
    assert [shot.index for shot in seven()(tmp_path / "seq-02").shots] == [0]
    with pytest.raises(ValueError, match=r"has no seq-03: scene.reader.sequences may name 1, 2, 12"):
        seven(sequences=[3])(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing is no folder: set scene.root"):
        seven()(tmp_path / "nothing")


def test_registered_images_of_one_focal_length_are_not_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame(tmp_path, 0, SEVEN_POSE)
    with caplog.at_level("WARNING"):
        seven(525.0, 525.0)(tmp_path)
    assert not caplog.records
    with pytest.raises(ValueError, match=r"scene.reader.color_focal is 0"):
        seven(585.0, 0.0)


def test_depth_is_carried_to_a_colour_camera_beside(tmp_path: Path) -> None:
    """A wall at 1.5 m with a board at 1 m: seen from 2.5 cm to the right, the board is 525 * 0.025 / 1 further left."""
    frame(tmp_path, 0, SEVEN_POSE)
    depth = np.full((480, 640), 1500, np.uint16)
    depth[100:300, 200:400] = 1000
    depth[0, 0] = 65535
    cv2.imwrite(str(tmp_path / "frame-000000.depth.png"), depth)
    (shot,) = seven(525.0, 525.0, color_offset=[0.025, 0.0, 0.0])(tmp_path).shots
    np.testing.assert_allclose(shot.camera_to_world[:3, 3], [0.525, -0.25, 1.25])
    assert shot.depth is not None and shot.depth_lens is not None
    seen = shot.depth.read()
    board, wall = 525 * 0.025 / 1.0, 525 * 0.025 / 1.5
    assert np.abs(seen[150, 200 - int(board) : 400 - int(board) - 1] - 1000).max() < 1e-3
    assert np.abs(seen[50, 5:600] - 1500).max() < 1e-3
    gap = np.flatnonzero(seen[150, 300:] == 0) + 300
    assert gap[0] == pytest.approx(400 - board, abs=1) and len(gap[gap < 600]) == pytest.approx(board - wall, abs=1)
    assert seen[0, 0] == pytest.approx(1500)  # what lay further right; the pixel without depth has left the image
    with pytest.raises(ValueError, match=r"scene.reader.color_offset is \[25.0, 0.0, 0.0\]"):
        seven(color_offset=[25.0, 0.0, 0.0])


def test_a_longer_focal_length_leaves_no_gaps() -> None:
    source = Camera(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]), 160, 120)
    target = Camera(np.array([[250.0, 0, 80], [0, 250, 60], [0, 0, 1]]), 160, 120)
    seen = seen_from(np.full((120, 160), 2.0), source, target, np.eye(4))
    assert (seen == 2.0).all()
    behind = np.diag([1.0, 1, 1, 1])
    behind[2, 3] = 3.0  # the target stands behind the wall
    assert not seen_from(np.full((120, 160), 2.0), source, target, behind).any()


def test_a_frame_without_all_its_files_is_damaged_and_says_which(tmp_path: Path) -> None:
    for number in (0, 1):
        frame(tmp_path, number, SEVEN_POSE)
    (tmp_path / "frame-000001.depth.png").unlink()
    capture = seven()(tmp_path)
    assert [shot.index for shot in capture.shots] == [0]
    assert capture.damaged == {1: f"{tmp_path}/frame-000001.depth.png is missing"}


def test_a_sequence_of_bundlefusion(tmp_path: Path) -> None:
    frame(tmp_path, 0, SEVEN_POSE, color="jpg", sizes=(1296, 968))
    lost = "-inf -inf -inf -inf\n" * 4
    frame(tmp_path, 1, lost, color="jpg", sizes=(1296, 968))
    (tmp_path / "info.txt").write_text(INFO)
    capture = BundleFusionReader()(tmp_path)
    (shot,) = capture.shots
    assert "nan or infinite" in capture.damaged[1]
    np.testing.assert_allclose(shot.lens.camera.intrinsics, [[1158.3, 0, 649.5], [0, 1153.53, 484], [0, 0, 1]])
    assert shot.depth_lens is not None
    np.testing.assert_allclose(shot.depth_lens.camera.intrinsics, [[572, 0, 320.5], [0, 572, 240.5], [0, 0, 1]])
    assert shot.camera_to_world[2, 3] == 1.25


def test_intrinsics_follow_images_that_were_scaled_afterwards(tmp_path: Path) -> None:
    frame(tmp_path, 0, SEVEN_POSE, color="jpg", sizes=(648, 484))
    (tmp_path / "_info.txt").write_text(INFO)
    lens = BundleFusionReader()(tmp_path).shots[0].lens
    np.testing.assert_allclose(lens.camera.intrinsics, [[579.15, 0, 324.75], [0, 576.765, 242], [0, 0, 1]])


def test_depth_is_in_millimetres_whatever_its_unit(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    views: list[View] = layouts.views_of(write_scan(tmp_path / "scan", count=2))
    root = layouts.write_bundlefusion(tmp_path / "fine", views, shift=5000)
    for shot, view in zip(BundleFusionReader()(root).shots, views, strict=True):
        assert shot.depth is not None
        np.testing.assert_allclose(shot.depth.read(), view.depth, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (INFO.replace("1158.3", "focal"), r"m_calibrationColorIntrinsic holds something else than numbers"),
        (INFO.replace("m_calibrationDepthIntrinsic", "m_depth"), r"does not say m_calibrationDepthIntrinsic"),
        (INFO.replace("-0 0 1 0 -0", "0.02 0 1 0 -0"), r"ColorExtrinsic is not the identity: register depth"),
        (INFO.replace("m_depthShift = 1000", "m_depthShift = 0"), r"m_depthShift is 0"),
        (INFO.replace("m_depthWidth = 640", "m_depthWidth = -640"), r"depth is -640x480"),
        (INFO.replace("572 0 320", "nan 0 320"), r"16 finite numbers"),
    ],
)
def test_what_is_wrong_in_the_calibration_is_named(tmp_path: Path, wrong: str, message: str) -> None:
    frame(tmp_path, 0, SEVEN_POSE, color="jpg", sizes=(1296, 968))
    (tmp_path / "info.txt").write_text(wrong)
    with pytest.raises(ValueError, match=message) as error:
        BundleFusionReader()(tmp_path)
    assert str(tmp_path / "info.txt") in str(error.value)
