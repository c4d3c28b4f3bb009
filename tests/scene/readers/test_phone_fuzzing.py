"""Thousands of damaged files of each kind that phone apps and RGB-D benchmarks write; ten thousand of JSON."""

from collections.abc import Callable
from pathlib import Path

import phone_layouts as layouts
import pytest
from fuzzing import fuzz
from packed_depth import COMPRESSED, HALF, ZIP, ZIPS
from phone_layouts import View

from o2recon.scene import readers
from o2recon.scene.capture import Capture, Reader
from o2recon.scene.readers.exr import read_exr
from o2recon.scene.readers.lzfse import unpacked
from o2recon.scene.scene import DamagedFrame

LEVEL = {"min_confidence": 1}
TUM = readers.TumReader(intrinsics="auto", trajectory="groundtruth.txt", max_difference=0.02)
ARKIT = readers.ArkitScenesReader(color="lowres_wide", **LEVEL)
R3D = readers.Record3dReader(**LEVEL)
STRAY = readers.StrayScannerReader(**LEVEL)
FILES: dict[str, tuple[Callable[[Path, list[View]], Path], Reader, str]] = {
    "tum rgb.txt": (layouts.write_tum, TUM, "rgb.txt"),
    "tum groundtruth.txt": (layouts.write_tum, TUM, "groundtruth.txt"),
    "tum calibration.txt": (layouts.write_tum, TUM, "calibration.txt"),
    "bundlefusion info.txt": (layouts.write_bundlefusion, readers.BundleFusionReader(), "info.txt"),
    "polycam camera": (layouts.write_polycam, readers.PolycamReader(corrected=True, **LEVEL), "**/*2000.json"),
    "record3d archive": (layouts.write_record3d, R3D, "*.r3d"),
    "record3d metadata": (layouts.write_record3d_unzipped, R3D, "metadata"),
    "record3d depth": (layouts.write_record3d_unzipped, R3D, "rgbd/0.depth"),
    "record3d exr": (layouts.write_record3d_exr, R3D, "**/0.exr"),
    "arkit trajectory": (layouts.write_arkit_scenes, ARKIT, "**/lowres_wide.traj"),
    "arkit intrinsics": (layouts.write_arkit_scenes, ARKIT, "**/*5.707.pincam"),
    "stray odometry": (layouts.write_stray_scanner, STRAY, "odometry.csv"),
}

JSON = ("polycam camera", "record3d metadata")


@pytest.fixture(scope="module")
def views(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Three frames of 40 x 30."""
    root = write_scan(tmp_path_factory.mktemp("tiny") / "scan", count=3, color=(40, 30), depth=(40, 30))
    return layouts.views_of(root)


def read_all(capture: Capture) -> None:
    """Every depth image; raises the first damage."""
    errors = [DamagedFrame(reason) for reason in capture.damaged.values()]
    for shot in capture.shots:
        assert shot.depth is not None
        try:
            assert shot.depth.read().size < 1e8
        except DamagedFrame as error:
            errors.append(error)
    assert all("\n" not in str(error) for error in errors)
    if errors:
        raise errors[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_damaged_files(views: list[View], tmp_path: Path, name: str) -> None:
    write, reader, pattern = FILES[name]
    root = write(tmp_path / "capture", views)
    (path,) = root.glob(pattern)
    done = fuzz(path, lambda: read_all(reader(root)), count=10_000 if name in JSON else 3000, named=root)
    assert done["read"] > 100 and done["refused"] > 100


@pytest.mark.slow
def test_damaged_streams(tmp_path: Path) -> None:
    path = tmp_path / "stream"

    def lzfse() -> None:
        try:
            unpacked(path.read_bytes(), 6912)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    path.write_bytes(COMPRESSED)
    done = fuzz(path, lzfse, count=10_000, named=path)
    assert done["refused"] > 1000
    for data in (ZIP, ZIPS, HALF):
        path.write_bytes(data)
        done = fuzz(path, lambda: read_exr(str(path), path.read_bytes()), count=4000, named=path)
        assert done["read"] > 100 and done["refused"] > 1000
