"""Ten thousand damaged `.sens` files and archives: read, or refused in one line; no crash, hang, or flood of memory."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import fuzz
from sens_file import sens_of_scan

from o2recon.scene.capture import Capture
from o2recon.scene.readers.scannet_raw import ScanNetRawReader
from o2recon.scene.readers.sens import read_sens
from o2recon.scene.scene import DamagedFrame


@pytest.fixture(scope="module")
def tiny(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of 40 x 30."""
    return write_scan(tmp_path_factory.mktemp("tiny") / "scan", count=3, color=(40, 30), depth=(20, 15))


def read_all(capture: Capture) -> None:
    """Every picture; raises the first damage, when all are read."""
    errors = [DamagedFrame(reason) for reason in capture.damaged.values()]
    for shot in capture.shots:
        for picture in (shot.color, shot.depth, shot.instance):
            try:
                assert picture is None or picture.read().size < 1e8
            except DamagedFrame as error:
                errors.append(error)
    if errors:
        assert all("\n" not in str(error) for error in errors)
        raise errors[0]


@pytest.mark.slow
@pytest.mark.parametrize("types", [(2, 1), (1, 0), (0, 1)])
def test_damaged_streams(tiny: Path, tmp_path: Path, types: tuple[int, int]) -> None:
    path = sens_of_scan(tiny, tmp_path / "scene0001_00.sens", types=types)

    def read() -> None:
        read_sens(path).imu()
        read_all(ScanNetRawReader()(tmp_path))

    done = fuzz(path, read, count=4000, named=path)
    assert done["read"] > 200 and done["refused"] > 2000


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_archives(tiny: Path, tmp_path: Path, method: int) -> None:
    sens_of_scan(tiny, tmp_path / "scene0001_00.sens")
    shutil.copy(tiny / "scannetv2-labels.combined.tsv", tmp_path)
    path = tmp_path / "scene0001_00_2d-instance-filt.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for index in range(3):
            file.write(tiny / "instance-filt" / f"{index}.png", f"instance-filt/{index}.png")
    done = fuzz(path, lambda: read_all(ScanNetRawReader()(tmp_path)), count=5000, named=path)
    assert done["read"] > 100 and done["refused"] > 2000
