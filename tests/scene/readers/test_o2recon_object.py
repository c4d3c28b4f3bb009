import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from o2recon_data import intrinsics, pose_of, render, write_object

from o2recon.scene.capture import Capture
from o2recon.scene.readers import O2ReconObjectReader
from o2recon.scene.readers.o2recon_object import LABELS


def read(root: Path, scan: str | None = None, sketches: Path | None = None) -> Capture:
    return O2ReconObjectReader(scan=scan, sketches=sketches)(root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects 3 (views 0 to 3 of the scan) and 7 (views 2 to 4); nobody may change them."""
    root = tmp_path_factory.mktemp("data") / "object_original_with_clip"
    write_object(root, object_id=3, count=4)
    write_object(root, object_id=7, first=2, count=3)
    return root


@pytest.fixture
def edited(folder: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def sketch(folder: Path, number: int, size: tuple[int, int] = (324, 242)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{number}_class_inpaint mask.png"
    cv2.imwrite(str(file), np.full(size[::-1], 255, np.uint8))
    return file


def test_one_object_is_a_capture_of_its_views(folder: Path) -> None:
    capture = read(folder / "scene0005_00_scannet_obj_3")
    assert [s.index for s in capture.shots] == [0, 1, 2, 3] and not capture.damaged
    assert [label.raw_category for label in capture.labels.values()] == ["night stand"]
    shot = capture.shots[1]
    np.testing.assert_allclose(shot.camera_to_world, pose_of(1), atol=1e-9)
    expected = intrinsics(324, 242)[:3, :3]
    expected[:2, 2] += 0.5
    np.testing.assert_allclose(shot.lens.camera.intrinsics, expected, atol=1e-9)
    assert shot.depth is not None and shot.depth_lens is not None and shot.instance is not None
    depth, _, _ = render(pose_of(1), intrinsics(160, 120), 160, 120)
    np.testing.assert_array_equal(shot.depth.read(), np.rint(depth * 1000))
    _, mask, _ = render(pose_of(1), intrinsics(324, 242), 324, 242)
    np.testing.assert_array_equal(shot.instance.read(), np.where(mask, 3, 7))


def test_a_folder_of_objects_is_one_capture_without_double_photographs(folder: Path) -> None:
    capture = read(folder)
    assert [s.index for s in capture.shots] == [30000, 30001, 30002, 30003, 70002]  # 7's first two are 3's last
    assert {label.raw_category for label in capture.labels.values()} == {"night stand", "rug"}
    for shot in capture.shots:
        assert shot.instance is not None and shot.label is not None
        np.testing.assert_array_equal(shot.label.read(), LABELS + shot.instance.read())


def test_objects_without_a_folder_have_no_label(folder: Path) -> None:
    shot = read(folder / "scene0005_00_scannet_obj_3").shots[0]
    assert shot.instance is not None and shot.label is not None
    np.testing.assert_array_equal(shot.label.read() == LABELS + 3, shot.instance.read() == 3)
    assert set(np.unique(shot.label.read())) == {0, LABELS + 3}


def test_the_object_s_own_mask_wins_over_the_instance_image(edited: Path) -> None:
    root = edited / "scene0005_00_scannet_obj_3"
    mask = np.zeros((242, 324), np.uint8)
    mask[100:150, 50:80] = 255
    cv2.imwrite(str(root / "mask" / "0.png"), mask)
    shot = read(root).shots[0]
    assert shot.instance is not None
    np.testing.assert_array_equal(shot.instance.read() == 3, mask > 0)


def test_masks_alone_will_do(edited: Path) -> None:
    root = edited / "scene0005_00_scannet_obj_3"
    shutil.rmtree(root / "inst")
    shot = read(root).shots[0]
    assert shot.instance is not None
    _, mask, _ = render(pose_of(0), intrinsics(324, 242), 324, 242)
    np.testing.assert_array_equal(shot.instance.read(), np.where(mask, 3, 0))


def test_published_sketches_follow_their_photographs(edited: Path, tmp_path: Path) -> None:
    beside = sketch(edited / "only-seg-0005-obj3", 1)
    other = sketch(tmp_path / "sketches" / "only-seg-0005-obj7", 1)
    sketch(edited / "only-seg-0006-obj3", 0)  # of another scan
    sketch(edited / "only-seg-0005-obj33", 0)  # of another object
    assert read(edited / "scene0005_00_scannet_obj_3").sketches == {3: {1: beside}}
    assert read(edited, sketches=tmp_path / "sketches").sketches == {3: {30001: beside}, 7: {30003: other}}
    assert read(edited, sketches=other.parent).sketches[7] == {30003: other}


def test_a_sketch_of_no_view_is_an_error(edited: Path) -> None:
    file = sketch(edited / "only-seg-0005-obj3", 9)
    with pytest.raises(ValueError, match="no usable view of that number") as error:
        read(edited)
    assert str(file) in str(error.value)


def test_several_scans_need_a_choice(edited: Path) -> None:
    shutil.copytree(edited / "scene0005_00_scannet_obj_3", edited / "scene0011_00_scannet_obj_3")
    with pytest.raises(ValueError, match=r"choose scene\.reader\.scan=scene0005_00_scannet, scene0011_00_scannet"):
        read(edited)
    chosen = read(edited, scan="scene0011_00_scannet")
    assert len(chosen.shots) == 4 and chosen.name == "scene0011_00_scannet"
    with pytest.raises(ValueError, match="is not in"):
        read(edited, scan="scene0012_00_scannet")


def test_damaged_views_are_named(edited: Path) -> None:
    root = edited / "scene0005_00_scannet_obj_3"
    (root / "depth" / "2.png").unlink()
    (root / "pose" / "1.txt").write_text("-inf " * 16)
    damaged = read(root).damaged
    assert "depth/2.png" in damaged[2] and "pose/1.txt" in damaged[1]


def test_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="_scannet_obj_<id> with origin_image/"):
        read(tmp_path)
