"""ARKitScenes: its trajectory and intrinsics, and what may be wrong in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import phone_layouts as layouts
import pytest
from phone_layouts import View

from o2recon.scene.readers import ArkitScenesReader


@pytest.fixture(scope="module")
def views(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    return layouts.views_of(write_scan(tmp_path_factory.mktemp("scans") / "scan", count=4))


def test_a_line_of_arkit_scenes_trajectory_is_world_to_camera(tmp_path: Path) -> None:
    """Half a turn about x, then up by 1.5: a camera 1.5 above the floor that looks straight down."""
    folder = tmp_path / "frames"
    for time in ("100.000", "100.100"):
        layouts.write_image(folder / "lowres_wide" / f"1_{time}.png", np.zeros((192, 256, 3), np.uint8))
        layouts.write_image(folder / "lowres_depth" / f"1_{time}.png", np.full((192, 256), 1500, np.uint16))
        layouts.write_image(folder / "confidence" / f"1_{time}.png", np.full((192, 256), 1, np.uint8))
        file = folder / "lowres_wide_intrinsics" / f"1_{time}.pincam"
        file.parent.mkdir(exist_ok=True)
        file.write_text("256 192 212.027 211.5 127.933 95.9333")
    (folder / "lowres_wide.traj").write_text(
        "100.0003 3.141592653589793 0 0 0 0 1.5\n100.1003 3.141592653589793 0 0 -2 0 1.5\n"
    )
    capture = ArkitScenesReader(color="lowres_wide", min_confidence=1)(folder)
    expected = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 1.5], [0, 0, 0, 1]])
    np.testing.assert_allclose(capture.shots[0].camera_to_world, expected, atol=1e-12)
    expected[0, 3] = 2
    np.testing.assert_allclose(capture.shots[1].camera_to_world, expected, atol=1e-12)
    lens = capture.shots[0].lens.camera
    np.testing.assert_allclose(lens.intrinsics, [[212.027, 0, 127.933], [0, 211.5, 95.9333], [0, 0, 1]])
    strict = ArkitScenesReader(color="lowres_wide", min_confidence=2)(folder).shots[0].depth
    assert strict is not None and not strict.read().any()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("lowres_wide.traj", "1 2 3\n", r"fewer than two poses"),
        (
            "lowres_wide.traj",
            "6000 0 0 0 0 0 0\n7000 0 0 0 0 0 0\n",
            r"none of 4 images has depth, intrinsics and pose",
        ),
    ],
)
def test_what_is_wrong_in_arkit_scenes_is_named(
    views: list[View], tmp_path: Path, file: str, text: str, message: str
) -> None:
    root = layouts.write_arkit_scenes(tmp_path / "a", views) / "47333462_frames"
    (root / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        ArkitScenesReader(color="lowres_wide", min_confidence=1)(root)
    with pytest.raises(ValueError, match=r"vga_wide holds no <video>_<seconds>.png"):
        ArkitScenesReader(color="vga_wide", min_confidence=1)(root)


def test_intrinsics_of_another_size_are_damage(views: list[View], tmp_path: Path) -> None:
    root = layouts.write_arkit_scenes(tmp_path / "a", views) / "47333462_frames"
    file = sorted((root / "lowres_wide_intrinsics").iterdir())[1]
    file.write_text("1920 1440 1600 1600 960 720")
    capture = ArkitScenesReader(color="lowres_wide", min_confidence=1)(root)
    assert "is for images of 1920x1440" in capture.damaged[1]
