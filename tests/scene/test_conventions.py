"""Poses written in other conventions give the same cameras once the options say so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from round_trip import opened

from o2recon.scene.conventions import Conventions
from o2recon.scene.readers import ScanNetReader


def rewritten(root: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    for file in (root / "pose").iterdir():
        np.savetxt(file, change(np.loadtxt(file)), fmt="%.12f")
    return root


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"pose": "world_to_camera"}, np.linalg.inv),
        ({"axes": "opengl"}, lambda pose: pose @ np.diag([1.0, -1, -1, 1])),
        ({"axes": ["x", "-y", "-z"]}, lambda pose: pose @ np.diag([1.0, -1, -1, 1])),
        (
            {"pose": "world_to_camera", "axes": ["y", "-x", "z"]},
            # x_file = -y_opencv, y_file = x_opencv: right is the files' y, down their -x
            lambda pose: np.linalg.inv(pose @ np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])),
        ),
    ],
)
def test_poses_of_another_convention_are_read_as_they_are_meant(
    write_scan: Callable[..., Path], tmp_path: Path, options: dict[str, object], change: Callable[..., np.ndarray]
) -> None:
    truth = opened(write_scan(tmp_path / "a", count=4), ScanNetReader())
    scene = opened(rewritten(write_scan(tmp_path / "b", count=4), change), ScanNetReader(), **options)
    for index, pose in truth.poses.items():
        np.testing.assert_allclose(scene.poses[index], pose, atol=1e-7)


def test_left_handed_poses_give_right_handed_cameras_that_see_the_same_distances() -> None:
    mirror = np.diag([-1.0, 1, 1, 1])
    read = Conventions(pose="camera_to_world", axes=["-x", "y", "z"])
    generator = np.random.default_rng(0)
    poses = [np.eye(4), np.eye(4)]
    for pose in poses:
        q, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        pose[:3, :3], pose[:3, 3] = q * np.linalg.det(q), generator.normal(size=3)
    first, second = (read(mirror @ pose @ mirror) for pose in poses)
    assert np.linalg.det(first[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.inv(first) @ second, np.linalg.inv(poses[0]) @ poses[1], atol=1e-12)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pose": "c2w", "axes": "opencv"}, "camera_to_world or world_to_camera"),
        ({"pose": "camera_to_world", "axes": "blender"}, "opencv, opengl"),
        ({"pose": "camera_to_world", "axes": ["x", "x", "z"]}, "each once"),
        ({"pose": "camera_to_world", "axes": ["x", "y"]}, "each once"),
    ],
)
def test_unknown_conventions_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Conventions(**options)  # type: ignore[arg-type]
