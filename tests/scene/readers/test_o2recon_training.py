import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from o2recon_data import CENTER, PHOTOGRAPH, SCALE, intrinsics, pose_of, render, write_training

from o2recon.cameras import project
from o2recon.scene.capture import Capture
from o2recon.scene.readers import O2ReconTrainingReader
from o2recon.scene.training import CenteredCrop, composed, decomposed, read_cameras
from o2recon.types import Camera


def read(root: Path, **options: object) -> Capture:
    reader = O2ReconTrainingReader(**{"image_size": None, "object_id": None, **options})  # type: ignore[arg-type]
    return reader(root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody may change it."""
    return write_training(tmp_path_factory.mktemp("training"), count=3)


@pytest.fixture
def edited(folder: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def test_crops_are_those_of_the_layout() -> None:
    assert CenteredCrop.of((1296, 968)) == CenteredCrop((1296, 968), 24.0, 16.0, 1.95)
    assert CenteredCrop.of((640, 480)) == CenteredCrop((640, 480), 8.0, 6.0, 0.975)


def test_cameras_see_world_points_where_the_photograph_did(folder: Path) -> None:
    corners = np.stack(np.meshgrid([-0.3, 0.3], [-0.3, 0.3], [0, 0.6]), -1).reshape(-1, 3)
    k = intrinsics(*PHOTOGRAPH)[:3, :3]
    for shot in read(folder).shots:
        local = (corners - pose_of(shot.index)[:3, 3]) @ pose_of(shot.index)[:3, :3] @ k.T
        photograph = local[:, :2] / local[:, 2:] + 0.5  # our corner of the photograph is at 0, 0
        expected = (photograph - [24, 16]) / 1.95
        found, _ = project(shot.lens.camera, shot.camera_to_world, corners)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_poses_come_from_the_cameras_when_there_is_no_pose_folder(edited: Path) -> None:
    for file in (edited / "pose").iterdir():
        file.unlink()
    for shot in read(edited).shots:
        np.testing.assert_allclose(shot.camera_to_world, pose_of(shot.index), atol=1e-9)


def test_depth_is_carried_from_the_whole_photograph_to_the_crop(folder: Path) -> None:
    def errors(image_size: tuple[int, int] | None) -> np.ndarray:
        shot = read(folder, image_size=image_size).shots[0]
        k = np.eye(4)
        k[:3, :3] = shot.lens.camera.intrinsics
        k[:2, 2] -= 0.5
        depth, mask, _ = render(shot.camera_to_world, k, 640, 480)
        assert shot.depth is not None
        found = shot.depth.read() / 1000
        return np.abs(found - depth)[(found > 0) & ~mask]

    assert np.median(errors(None)) < 0.001
    assert np.median(errors((640, 480))) > 0.005


def test_ids_and_labels_are_those_of_the_mask(folder: Path) -> None:
    capture = read(folder)
    assert capture.labels[1].raw_category == "night stand"
    for shot in capture.shots:
        assert shot.instance is not None and shot.label is not None
        ids = shot.instance.read()
        k = np.eye(4)
        k[:3, :3] = shot.lens.camera.intrinsics
        k[:2, 2] -= 0.5
        _, mask, _ = render(shot.camera_to_world, k, 640, 480)
        assert ((ids == 3) != mask).mean() < 0.005 and set(np.unique(ids)) == {0, 3}
        np.testing.assert_array_equal(shot.label.read(), ids == 3)


@pytest.mark.parametrize(("board", "has_cloud"), [(400, True), (400, False), (-150, True)])
def test_what_covers_the_object_is_not_visible(edited: Path, board: int, has_cloud: bool) -> None:
    """A board before the camera, or one that stands 15 cm before the in-painted box and in its sphere."""
    if not has_cloud:
        (edited / "point_cloud_scan_norm.ply").unlink()
    depth = cv2.imread(str(edited / "depth" / "0000.png"), cv2.IMREAD_UNCHANGED)
    depth[:, :320] = board if board > 0 else depth[:, :320] - np.uint16(-board)
    cv2.imwrite(str(edited / "depth" / "0000.png"), depth)
    shot = read(edited).shots[0]
    assert shot.instance is not None and shot.depth is not None
    mask = cv2.imread(str(edited / "mask" / "0000.png"), cv2.IMREAD_UNCHANGED) > 0
    ids = shot.instance.read()
    taken = (ids[:, :305] > 0).sum() / mask[:, :305].sum()
    assert taken < (0.15 if board < 0 else 1e-6)  # the near board crosses the box's own surface at an edge
    assert (ids[:, 330:] > 0).sum() > 0.95 * mask[:, 330:].sum()
    covered = shot.depth.read()[:, :305][mask[:, :305]]
    assert board < 0 or (np.abs(covered - 400) < 1e-3).all()


def test_parts_without_depth_are_in_painted_and_drop_out_is_not(edited: Path) -> None:
    depth = cv2.imread(str(edited / "depth" / "0000.png"), cv2.IMREAD_UNCHANGED)
    depth[:, 240:320] = 0
    depth[::4, 320:] = 0
    cv2.imwrite(str(edited / "depth" / "0000.png"), depth)
    shot = read(edited).shots[0]
    assert shot.instance is not None
    mask = cv2.imread(str(edited / "mask" / "0000.png"), cv2.IMREAD_UNCHANGED) > 0
    ids = shot.instance.read()
    assert not ids[:, 250:300].any() and mask[:, 250:300].any()
    assert (ids[:, 330:] > 0).sum() > 0.95 * mask[:, 330:].sum()


def test_damaged_views_are_named(edited: Path) -> None:
    wrong = pose_of(1)
    wrong[0, 3] += 0.1
    np.savetxt(edited / "pose" / "0001.txt", wrong)
    (edited / "mask" / "0000.png").unlink()
    damaged = read(edited).damaged
    assert "0000.png" in damaged[0] and "disagree by 0.1 m" in damaged[1]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("trans_n2w.txt", b"1 0 0 0 0 2 0 0 0 0 1 0 0 0 0 1", "no scale and shift"),
        ("cameras_sphere.npz", b"PK\x03\x04 nothing", "cannot be read as O2-Recon's cameras"),
        ("o2recon.json", b'{"image_size": "large"}', "image_size"),
    ],
)
def test_bad_files_are_named_in_one_line(edited: Path, name: str, content: bytes, said: str) -> None:
    (edited / name).write_bytes(content)
    try:
        messages = list(read(edited).damaged.values())
    except ValueError as error:
        messages = [str(error)]
    assert all(said in m and name in m and "\n" not in m for m in messages) and messages


def test_a_folder_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one folder of O2-Recon's training data"):
        read(tmp_path)


def test_arrays_that_claim_to_be_huge_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "cameras_sphere.npz"
    np.savez(file, world_mat_0=np.zeros((1000, 1000)))
    with pytest.raises(ValueError, match="takes 8000128 bytes"):
        read_cameras(file)


def test_decomposing_gives_back_what_was_composed() -> None:
    k = np.array([[500.0, 1.5, 300], [0, 520, 250], [0, 0, 1]])
    pose = pose_of(2)
    pose[:3, 3] = (pose[:3, 3] - CENTER) / SCALE
    for factor in (1.0, -3.0):  # a projection is one up to a factor
        found, camera_to_world = decomposed(factor * composed(k, pose), "test")
        np.testing.assert_allclose(found, k, atol=1e-9)
        np.testing.assert_allclose(camera_to_world, pose, atol=1e-9)


def test_the_photograph_s_camera_is_the_inverse_of_the_crop_s() -> None:
    camera = Camera(np.array([[570.0, 0, 321], [0, 575, 239], [0, 0, 1]]), 640, 480)
    crop = CenteredCrop.of((1296, 968))
    back = crop.photograph(crop.camera(camera), (640, 480))
    np.testing.assert_allclose(back.intrinsics, camera.intrinsics, atol=1e-9)
    again = crop.from_file(crop.to_file(crop.camera(camera)), (640, 480))
    np.testing.assert_allclose(again.intrinsics, crop.camera(camera).intrinsics, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cameras_sphere.npz", "trans_n2w.txt", "o2recon.json", "pose/0001.txt"])
def test_damaged_files_are_refused_in_one_line(edited: Path, name: str) -> None:
    (edited / "o2recon.json").write_text('{"image_size": [1296, 968], "frames": [3, 5, 8]}')

    def opened() -> None:
        capture = read(edited)
        for reason in capture.damaged.values():
            assert "\n" not in reason and len(reason) < 1000
        for shot in capture.shots:
            assert np.isfinite(shot.camera_to_world).all() and np.isfinite(shot.lens.camera.intrinsics).all()

    fuzz(edited / name, opened, count=10_000)
