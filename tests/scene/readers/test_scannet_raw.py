"""A scene as ScanNet ships it says the same as its export, frame by frame; lost frames are damaged ones."""

import shutil
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from sens_file import LOST, sens_of_scan

from o2recon.scene.capture import Capture
from o2recon.scene.readers.scannet_raw import ScanNetRawReader
from o2recon.scene.scene import DamagedFrame

FIRST_FRAME = 318
"""Where the first frame stands in a file whose sensor is called "StructureCore" and a null."""


def zipped(scan: Path, folder: str, path: Path, *, without: tuple[int, ...] = ()) -> None:
    """The images of a folder as ScanNet packs them: in a folder of the archive."""
    with zipfile.ZipFile(path, "w") as file:
        for image in sorted((scan / folder).iterdir()):
            if int(image.stem) not in without:
                file.write(image, f"{folder}/{image.name}")


def raw(scan: Path, root: Path, *, filtered: bool = True, without: tuple[int, ...] = (), **options: object) -> Path:
    """The scan as `scene0001_00` in ScanNet's own files."""
    sens_of_scan(scan, root / "scene0001_00.sens", **options)  # type: ignore[arg-type]
    for kind in ("instance", "label"):
        name = f"2d-{kind}-filt" if filtered else f"2d-{kind}"
        zipped(scan, f"{kind}-filt", root / f"scene0001_00_{name}.zip", without=without)
    shutil.copy(scan / "scannetv2-labels.combined.tsv", root)
    return root


def opened(root: Path) -> Capture:
    return ScanNetRawReader()(root)


def image(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


@pytest.mark.parametrize("types", [(2, 1), (1, 0), (0, 1)])
def test_a_raw_scene_is_its_export(scan: Path, tmp_path: Path, types: tuple[int, int]) -> None:
    capture = opened(raw(scan, tmp_path / "scene", types=types))
    assert [shot.index for shot in capture.shots] == list(range(12)) and not capture.damaged
    assert capture.up is not None and capture.up.tolist() == [0, 0, 1]
    assert capture.labels[2].raw_category == "stack of chairs"
    for shot in capture.shots:
        pose = np.loadtxt(scan / "pose" / f"{shot.index}.txt")
        assert np.abs(shot.camera_to_world - pose).max() < 1e-6
        assert shot.depth and shot.instance and shot.label
        assert (shot.color.read()[..., ::-1] == image(scan / "color" / f"{shot.index}.jpg")).all()
        assert (shot.depth.read() == image(scan / "depth" / f"{shot.index}.png")).all()
        assert (shot.instance.read() == image(scan / "instance-filt" / f"{shot.index}.png")).all()
        assert (shot.label.read() == image(scan / "label-filt" / f"{shot.index}.png")).all()
    lens = capture.shots[0].lens.camera
    assert (lens.width, lens.height) == capture.shots[0].color.size == (160, 120)
    assert np.abs(lens.intrinsics - [[144, 0, 80], [0, 144, 60], [0, 0, 1]]).max() < 1e-6


def test_depth_is_in_millimetres_whatever_the_unit_of_the_stream(scan: Path, tmp_path: Path) -> None:
    coarse = opened(raw(scan, tmp_path / "scene", shift=500.0)).shots[0].depth
    assert coarse is not None
    assert np.allclose(coarse.read(), 2.0 * image(scan / "depth" / "0.png"))


def test_frames_without_tracking_or_masks_are_damaged(scan: Path, tmp_path: Path) -> None:
    root = raw(scan, tmp_path / "scene", without=(3,))
    path = root / "scene0001_00.sens"
    data = path.read_bytes()
    path.write_bytes(data[:FIRST_FRAME] + struct.pack("<16f", *LOST.ravel()) + data[FIRST_FRAME + 64 :])
    capture = opened(root)
    assert list(capture.damaged) == [0, 3]
    assert "scene0001_00.sens, frame 0" in capture.damaged[0] and "infinite" in capture.damaged[0]
    assert capture.damaged[3].endswith("scene0001_00_2d-instance-filt.zip has no image of frame 3")
    assert [shot.index for shot in capture.shots] == [1, 2, *range(4, 12)]


def test_unfiltered_masks_serve_where_there_are_no_others(scan: Path, tmp_path: Path) -> None:
    root = raw(scan, tmp_path / "scene", filtered=False)
    assert opened(root).shots[0].instance is not None
    with zipfile.ZipFile(root / "scene0001_00_2d-instance-filt.zip", "w") as file:
        for index in range(12):
            file.writestr(f"{index}.png", cv2.imencode(".png", np.full((120, 160), 77, np.uint8))[1].tobytes())
    instance = opened(root).shots[0].instance
    assert instance is not None and (instance.read() == 77).all()


def test_a_stream_alone_is_a_capture_without_masks(scan: Path, tmp_path: Path) -> None:
    sens_of_scan(scan, tmp_path / "scene" / "scan.sens")
    capture = opened(tmp_path / "scene")
    assert len(capture.shots) == 12 and not capture.labels
    assert all(shot.instance is None and shot.label is None for shot in capture.shots)


def test_a_stream_may_be_named_itself_and_one_that_starts_at_its_first_camera_knows_no_up(
    scan: Path, tmp_path: Path
) -> None:
    path = sens_of_scan(scan, tmp_path / "apt0.sens")
    assert len(opened(path).shots) == 12 and opened(path).up is not None
    data = path.read_bytes()
    path.write_bytes(data[:FIRST_FRAME] + struct.pack("<16f", *np.eye(4).ravel()) + data[FIRST_FRAME + 64 :])
    assert opened(path).up is None


def test_images_that_cannot_be_decoded_are_damaged_frames(scan: Path, tmp_path: Path) -> None:
    root = raw(scan, tmp_path / "scene")
    for path, at, size in (
        ("scene0001_00.sens", FIRST_FRAME + 1200, 30),
        ("scene0001_00_2d-instance-filt.zip", 120, 9),
    ):
        data = bytearray((root / path).read_bytes())
        data[at : at + size] = b"\xff\xd9" * (size // 2) + bytes(size % 2)
        (root / path).write_bytes(data)
    capture = opened(root)
    assert capture.shots[0].instance is not None
    with pytest.raises(DamagedFrame, match=r"instance-filt\.zip, instance-filt/0\.png is damaged"):
        capture.shots[0].instance.read()
    assert capture.shots[1].instance is not None
    capture.shots[1].instance.read()


@pytest.mark.parametrize("folder", [".", "scans"])
def test_the_label_table_may_lie_where_scannets_download_puts_it(scan: Path, tmp_path: Path, folder: str) -> None:
    root = raw(scan, tmp_path / "data" / "scans" / "scene0001_00")
    (tmp_path / "data" / folder).mkdir(exist_ok=True)
    shutil.move(root / "scannetv2-labels.combined.tsv", tmp_path / "data" / folder)
    assert opened(root).labels[3].raw_category == "floor"


def test_what_is_missing_is_named(scan: Path, tmp_path: Path) -> None:
    root = raw(scan, tmp_path / "scene")
    (root / "scannetv2-labels.combined.tsv").unlink()
    with pytest.raises(ValueError, match=r"scannetv2-labels\.combined\.tsv is missing"):
        opened(root)
    shutil.copy(root / "scene0001_00.sens", root / "other.sens")
    with pytest.raises(ValueError, match=r"must hold one \.sens file, it holds other\.sens, scene0001_00\.sens"):
        opened(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"must hold one \.sens file, it holds none"):
        opened(tmp_path / "empty")


def test_a_depth_camera_that_stands_elsewhere_is_refused(scan: Path, tmp_path: Path) -> None:
    root = raw(scan, tmp_path / "scene")
    path = root / "scene0001_00.sens"
    data = bytearray(path.read_bytes())
    data[26 + 192 + 12 : 26 + 192 + 16] = struct.pack("<f", 0.05)  # 5 cm in the depth camera's extrinsics
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"scene0001_00\.sens: the extrinsics of depth are not the identity: register"):
        opened(root)
