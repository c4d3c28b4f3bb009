"""Stray Scanner: its video, its tables in both versions, and what may be wrong in them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import phone_layouts as layouts
import pytest
from phone_layouts import View

from o2recon.scene.readers import StrayScannerReader


@pytest.fixture(scope="module")
def views(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    return layouts.views_of(write_scan(tmp_path_factory.mktemp("scans") / "scan", count=4))


def write_video(path: Path, count: int, size: tuple[int, int] = (320, 240)) -> None:
    """Frame i is grey, i steps of 20 bright, with a red left half."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MPEG-4")
    for index in range(count):
        image = np.full((size[1], size[0], 3), 20 * index, np.uint8)
        image[:, : size[0] // 2, 2] = 255
        writer.write(image)
    writer.release()


def stray(root: Path, views: list[View]) -> Path:
    layouts.write_stray_scanner(root, views)
    shutil.rmtree(root / "rgb")
    write_video(root / "rgb.mp4", len(views), size=(views[0].color.shape[1], views[0].color.shape[0]))
    return root


def test_frames_of_a_video_are_the_right_ones_in_any_order(views: list[View], tmp_path: Path) -> None:
    shots = StrayScannerReader(min_confidence=1)(stray(tmp_path / "s", views)).shots
    for index in (0, 1, 3, 2, 0, 3, 1, 1, 0, 2):
        image = shots[index].color.read()
        assert image.shape == (120, 160, 3)
        assert abs(float(image[:, 100:].mean()) - 20 * index) < 4
        assert image[:, :60, 0].mean() > 200 > image[:, :60, 2].mean() + 60


def test_a_video_that_ends_early_leaves_damaged_frames(views: list[View], tmp_path: Path) -> None:
    root = stray(tmp_path / "s", views)
    write_video(root / "rgb.mp4", 3, size=(160, 120))
    capture = StrayScannerReader(min_confidence=1)(root)
    assert [shot.index for shot in capture.shots] == [0, 1, 2]
    assert "has 3 frames, frame 3 is beyond them" in capture.damaged[3]
    (root / "rgb.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"rgb.mp4 is missing or no video"):
        StrayScannerReader(min_confidence=1)(root)


def test_older_folders_have_poses_alone_and_depth_as_numpy_files(views: list[View], tmp_path: Path) -> None:
    root = layouts.write_stray_scanner(tmp_path / "s", views)
    lines = (root / "odometry.csv").read_text().splitlines()
    old = [", ".join(line.split(", ")[2:9]) for line in lines]
    assert old[0] == "x, y, z, qx, qy, qz, qw"
    (root / "odometry.csv").write_text("\n".join(old) + "\n")
    (root / "camera_matrix.csv").write_text("144.0, 0.0, 80.5\n0.0, 145.0, 60.5\n0.0, 0.0, 1.0\n")
    for view in views:
        (root / "depth" / f"{view.index:06d}.png").unlink()
        np.save(root / "depth" / f"{view.index:06d}.npy", view.depth)
    new = StrayScannerReader(min_confidence=1)(layouts.write_stray_scanner(tmp_path / "new", views))
    capture = StrayScannerReader(min_confidence=1)(root)
    for shot, same, view in zip(capture.shots, new.shots, views, strict=True):
        np.testing.assert_allclose(shot.camera_to_world, same.camera_to_world)
        np.testing.assert_array_equal(shot.lens.camera.intrinsics, [[144, 0, 80.5], [0, 145, 60.5], [0, 0, 1]])
        assert shot.depth is not None
        np.testing.assert_array_equal(shot.depth.read(), view.depth)


def test_a_line_of_odometry_by_hand(views: list[View], tmp_path: Path) -> None:
    """A quarter turn about +y takes forward (+z) to +x; down stays +y, which only a camera upside down has."""
    root = layouts.write_stray_scanner(tmp_path / "s", views[:1])
    half = repr(0.5**0.5)
    text = "timestamp, frame, x, y, z, qx, qy, qz, qw\n"
    text += f"95.5, 000000, 0.5, 1.5, -2.0, 0.0, {half}, 0.0, {half}\n95.6, 000001, nan, 0, 0, 0, 0, 0, 1\n95.7, 2, 1\n"
    (root / "odometry.csv").write_text(text)
    capture = StrayScannerReader(min_confidence=1)(
        _with_matrix(root, "144.0, 0.0, 80.5\n0.0, 145.0, 60.5\n0.0, 0.0, 1.0\n")
    )
    expected = [[0, 0, 1, 0.5], [0, 1, 0, 1.5], [-1, 0, 0, -2], [0, 0, 0, 1]]
    np.testing.assert_allclose(capture.shots[0].camera_to_world, expected, atol=1e-12)
    np.testing.assert_array_equal(capture.up, [0, 1, 0])
    assert set(capture.damaged) == {1, 2}


def _with_matrix(root: Path, text: str) -> Path:
    (root / "camera_matrix.csv").write_text(text)
    return root


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("odometry.csv", "", r"must begin with a line that names x, y, z"),
        ("odometry.csv", "x, y, z, qx, qy, qz, qw\n", r"holds no pose"),
        ("camera_matrix.csv", "1 2 3", r"is no 3x3 matrix of finite numbers"),
        ("camera_matrix.csv", "fx", r"is no 3x3 matrix of numbers"),
    ],
)
def test_what_is_wrong_in_stray_scanners_tables_is_named(
    views: list[View], tmp_path: Path, file: str, text: str, message: str
) -> None:
    root = layouts.write_stray_scanner(tmp_path / "s", views)
    (root / file).write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        StrayScannerReader(min_confidence=1)(root)
    assert str(root / file) in str(error.value)


@pytest.mark.parametrize("least", [-1, 3])
def test_a_level_of_confidence_that_does_not_exist_is_refused(least: int) -> None:
    with pytest.raises(ValueError, match=r"scene.reader.min_confidence is -?\d; it may be 0"):
        StrayScannerReader(min_confidence=least)
