import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from round_trip import opened

from o2recon.scene.readers import ScanNetReader
from o2recon.scene.sketches import is_of_scan


@pytest.fixture
def published(scan: Path, tmp_path: Path) -> Path:
    """O2-Recon's object 1 of the scan `scene0005_00`, whose view 0 is frame 4, and a sketch of that view."""
    shutil.copytree(scan, tmp_path / "scene0005_00")
    folder = tmp_path / "published"
    (folder / "scene0005_00_scannet_obj_1" / "pose").mkdir(parents=True)
    shutil.copyfile(scan / "pose" / "4.txt", folder / "scene0005_00_scannet_obj_1" / "pose" / "0.txt")
    (folder / "only-seg-0005-obj1").mkdir()
    sketch = np.zeros((120, 160), np.uint8)
    sketch[20:40, 50:90] = 255
    cv2.imwrite(str(folder / "only-seg-0005-obj1" / "0_class_inpaint mask.png"), sketch)
    return folder


def sketches(published: Path, object_id: int = 1) -> dict[int, np.ndarray]:
    return opened(published.parent / "scene0005_00", ScanNetReader(), sketches=published).sketches(object_id)


def test_published_sketches_find_their_frame_in_the_scan(published: Path) -> None:
    found = sketches(published)
    assert list(found) == [4] and found[4].sum() == 20 * 40 and found[4][20:40, 50:90].all()
    assert not sketches(published, 2)


def test_a_sketch_in_our_naming_wins(published: Path) -> None:
    (published / "1").mkdir()
    cv2.imwrite(str(published / "1" / "4_class_inpaint mask.png"), np.full((120, 160), 255, np.uint8))
    assert sketches(published)[4].all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: shutil.rmtree(p / "scene0005_00_scannet_obj_1"), "scene=o2recon_object"),
        (
            lambda p: np.savetxt(p / "scene0005_00_scannet_obj_1" / "pose" / "0.txt", np.eye(4)),
            "the pose of no usable frame",
        ),
        (lambda p: (p / "scene0005_00_scannet_obj_1" / "pose" / "0.txt").unlink(), "cannot be read"),
    ],
)
def test_sketches_without_a_frame_are_errors(published: Path, change: Callable[[Path], None], said: str) -> None:
    change(published)
    with pytest.raises(ValueError, match=said):
        sketches(published)


@pytest.mark.parametrize(
    ("short", "scan", "same"),
    [
        ("0005", "scene0005_00_scannet", True),
        ("0050", "scene0005_00_scannet", False),
        ("room-0", "room_0_replica", True),
        ("room-0", "room0", True),
        ("room-1", "room_0", False),
        ("office-0", "room_0", False),
    ],
)
def test_folders_name_their_scan(short: str, scan: str, same: bool) -> None:
    assert is_of_scan(short, scan) == same
