"""One scan written in each layout, by hand, is read back as the same cameras, depth and ids."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import phone_layouts as layouts
import pytest
from phone_layouts import Y_UP, View
from round_trip import assert_same_scene, opened

from o2recon.scene import readers
from o2recon.scene.capture import Capture, Reader

LEVEL = {"min_confidence": 1}
TUM = readers.TumReader(intrinsics="auto", trajectory="groundtruth.txt", max_difference=0.02)
ARKIT = readers.ArkitScenesReader(color="lowres_wide", **LEVEL)
LAYOUTS: dict[str, tuple[Callable[[Path, list[View]], Path], Reader, float, str | None]] = {
    "tum": (layouts.write_tum, TUM, 0.0002, None),
    "bundlefusion": (layouts.write_bundlefusion, readers.BundleFusionReader(), 0.001, None),
    "polycam": (layouts.write_polycam, readers.PolycamReader(corrected=True, **LEVEL), 0.001, "y"),
    "record3d": (layouts.write_record3d, readers.Record3dReader(**LEVEL), 1.0, "y"),
    "record3d_unzipped": (layouts.write_record3d_unzipped, readers.Record3dReader(**LEVEL), 1.0, "y"),
    "record3d_exr": (layouts.write_record3d_exr, readers.Record3dReader(**LEVEL), 1.0, "y"),
    "arkit_scenes": (layouts.write_arkit_scenes, ARKIT, 0.001, "z"),
    "stray_scanner": (layouts.write_stray_scanner, readers.StrayScannerReader(**LEVEL), 0.001, "y"),
}
"""Writer, reader, metres per unit of depth, the axis that points up."""
LOSSLESS = ("tum", "arkit_scenes", "stray_scanner")


@pytest.fixture(scope="module")
def true_scan(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour and depth of one size: layouts without intrinsics of depth put it on the colour camera."""
    return write_scan(tmp_path_factory.mktemp("scans") / "scan", count=5)


@pytest.fixture(scope="module")
def views(true_scan: Path) -> list[View]:
    return layouts.views_of(true_scan)


def in_our_world(capture: Capture, axis: str | None) -> list[np.ndarray]:
    turn = np.eye(4)
    turn[:3, :3] = Y_UP.T if axis == "y" else np.eye(3)
    if axis is not None:
        assert capture.up is not None
        np.testing.assert_allclose(turn[:3, :3] @ capture.up, [0, 0, 1], atol=1e-12)
    return [turn @ shot.camera_to_world for shot in capture.shots]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_scan_is_read_back_as_the_same_cameras_depth_and_ids(name: str, views: list[View], tmp_path: Path) -> None:
    write, reader, metres, axis = LAYOUTS[name]
    capture = reader(write(tmp_path / "capture", views))
    assert not capture.damaged
    assert [shot.index for shot in capture.shots] == [view.index for view in views]
    for shot, pose, view in zip(capture.shots, in_our_world(capture, axis), views, strict=True):
        np.testing.assert_allclose(pose, view.pose, atol=1e-6)
        k = shot.lens.camera.intrinsics - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        np.testing.assert_allclose(k, view.k, atol=1e-6)
        assert shot.depth is not None and shot.instance is not None
        assert np.abs(shot.depth.read() * metres - view.depth / 1000).max() < 1e-6
        np.testing.assert_array_equal(shot.instance.read(), view.ids)
        difference = np.abs(shot.color.read()[..., ::-1].astype(int) - view.color)
        assert difference.max() == 0 if name in LOSSLESS else difference.mean() < 3
        assert shot.color.size == (view.color.shape[1], view.color.shape[0])
        assert shot.depth.size == (view.depth.shape[1], view.depth.shape[0])


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_scene_is_the_one_that_was_written(name: str, views: list[View], true_scan: Path, tmp_path: Path) -> None:
    """Seen through Scene: one camera, metres, +z up, whatever the layout says of its world."""
    write, reader, metres, axis = LAYOUTS[name]
    true = opened(true_scan, readers.ScanNetReader())
    up = "auto" if axis is not None else [0.0, 0.0, 1.0]
    scene = opened(write(tmp_path / "capture", views), reader, depth_scale=metres, up=up)
    assert_same_scene(true, scene, depth=1e-4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_pictures_change_their_stamp_when_their_file_does(name: str, views: list[View], tmp_path: Path) -> None:
    write, reader, _, _ = LAYOUTS[name]
    root = write(tmp_path / "capture", views)
    before = reader(root)
    for file in sorted(root.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            file.unlink()
            file.write_bytes(data)
    after = reader(root)
    for one, other in zip(before.shots, after.shots, strict=True):
        assert one.color.stamp != other.color.stamp
        assert one.depth is not None and other.depth is not None
        assert one.depth.stamp != other.depth.stamp


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_empty_folder_is_refused_in_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(tmp_path)) as error:
        LAYOUTS[name][1](tmp_path)
    assert "\n" not in str(error.value)
