"""The reader of COLMAP workspaces, on one written line by line from poses that the test knows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.rgb_folder import RgbFolderReader

SIZE = (64, 48)


def pose_of(number: int) -> np.ndarray:
    """camera_to_world, OpenCV axes."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.3, 0.1 * number, -0.2]).as_matrix()
    pose[:3, 3] = [number, 0.5, -1.5]
    return pose


def write_workspace(
    root: Path, *, count: int = 4, camera: str = "PINHOLE 64 48 50 52 32.5 24.25", model: str = "sparse/0"
) -> Path:
    """images/room_<i + 5>.png with their poses in text; the grey value of image i is 10 i."""
    lines = []
    for i in range(count):
        world_to_camera = np.linalg.inv(pose_of(i + 5))
        x, y, z, w = Rotation.from_matrix(world_to_camera[:3, :3]).as_quat().tolist()
        t = " ".join(map(repr, world_to_camera[:3, 3].tolist()))
        lines += [f"{90 - i} {w!r} {x!r} {y!r} {z!r} {t} 1 room_{i + 5}.png\n", "1.5 2.5 -1\n" if i % 2 else "\n"]
        write_image(root / f"images/room_{i + 5}.png", np.full((48, 64, 3), 10 * i, np.uint8))
    (root / model).mkdir(parents=True, exist_ok=True)
    (root / model / "cameras.txt").write_text(f"# one camera\n1 {camera}\n")
    (root / model / "images.txt").write_text("# images\n" + "".join(lines))
    (root / model / "points3D.txt").write_text(
        "# points\n1 1 2 3 0 0 0 0.5 90 0 89 0 88 0\n2 4 5 6 0 0 0 9.0 90 1 89 1\n"
    )
    return root


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def reader(**options: object) -> ColmapReader:
    given = {"model": None, "images": None, "depth": "auto", "instances": "auto", "labels": "auto"}
    return ColmapReader(**{**given, "max_error": 2.0, "min_track": 3, **options})  # type: ignore[arg-type]


def rgb_reader(**options: object) -> RgbFolderReader:
    given = {"model": None, "images": None, "instances": "auto", "labels": "auto", "max_error": 2.0, "min_track": 3}
    return RgbFolderReader(**{**given, **options})  # type: ignore[arg-type]


def test_frames_have_their_poses_lenses_numbers_and_pictures(tmp_path: Path) -> None:
    capture = reader()(write_workspace(tmp_path))
    assert [shot.index for shot in capture.shots] == [5, 6, 7, 8] and not capture.damaged and capture.up is None
    for i, shot in enumerate(capture.shots):
        np.testing.assert_allclose(shot.camera_to_world, pose_of(i + 5), atol=1e-14)
        assert (shot.lens.camera.intrinsics == [[50, 0, 32.5], [0, 52, 24.25], [0, 0, 1]]).all()
        assert shot.lens.distortion == () and not shot.lens.fisheye
        assert shot.color.size == SIZE and (shot.color.read() == 10 * i).all()
        assert shot.depth is None and shot.instance is None and shot.label is None
    assert capture.points is not None and (capture.points == [[1, 2, 3]]).all()
    assert {path.name for path in capture.files} == {"cameras.txt", "images.txt", "points3D.txt"}


def test_depth_and_ids_lie_beside_the_images(tmp_path: Path) -> None:
    root = write_workspace(tmp_path)
    for i in range(5, 9):
        write_image(root / f"depth/room_{i}.png", np.full((24, 32), 1000 + i, np.uint16))
        write_image(root / f"instances/{i}.png", np.full((48, 64), i, np.uint8))
        write_image(root / f"my labels/room_{i}.png", np.full((48, 64), 2, np.uint16))
    with pytest.raises(ValueError, match=r"labels\.combined\.tsv is missing"):
        reader(labels="my labels")(root)
    (root / "scannetv2-labels.combined.tsv").write_text("id\traw_category\tx\tx\tnyu40id\n2\tchair\t\t\t5\n")
    capture = reader(labels="my labels")(root)
    shot = capture.shots[1]
    assert shot.depth is not None and shot.instance is not None and shot.label is not None
    assert shot.depth.size == (32, 24) and (shot.depth.read() == 1006).all()
    assert (shot.instance.read() == 6).all() and (shot.label.read() == 2).all()
    assert capture.labels[2].raw_category == "chair"
    assert all(shot.depth is None for shot in reader(depth=None, labels=None)(root).shots)
    with pytest.raises(ValueError, match=r"nowhere is no folder: set scene\.reader\.depth"):
        reader(depth="nowhere")(root)


@pytest.mark.parametrize("model", ["sparse/0", "colmap/sparse/0", "sparse", "dense/sparse", "."])
def test_images_lie_beside_the_model_or_above_it(tmp_path: Path, model: str) -> None:
    write_workspace(tmp_path, model=model)
    assert len(reader()(tmp_path).shots) == 4
    if model == "dense/sparse":  # undistorted images beside their own model come first
        shutil.copytree(tmp_path / "images", tmp_path / "dense/images")
        assert "dense/images" in reader()(tmp_path).shots[0].color.source
    shutil.move(tmp_path / "images", tmp_path / "photos")
    shutil.rmtree(tmp_path / "dense/images", ignore_errors=True)
    with pytest.raises(ValueError, match=r"images is no folder: set scene\.reader\.images"):
        reader()(tmp_path)
    assert len(reader(images="photos", model=model)(tmp_path).shots) == 4


def test_further_models_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_workspace(tmp_path)
    reader()(root)
    assert not caplog.records
    write_workspace(tmp_path, count=2, model="sparse/1")
    assert len(reader()(root).shots) == 4
    assert "sparse/0 with 4 images is read; scene.reader.model chooses another (sparse/1)" in caplog.text
    caplog.clear()
    assert len(reader(model="sparse/1")(root).shots) == 2 and not caplog.records


def test_smaller_images_scale_the_lens_and_other_shapes_are_damage(tmp_path: Path) -> None:
    root = write_workspace(tmp_path)
    for i in range(5, 9):
        write_image(root / f"images_2/room_{i}.png", np.zeros((24, 32, 3), np.uint8))
    lens = reader(images="images_2")(root).shots[0].lens
    assert (lens.camera.intrinsics == [[25, 0, 16.25], [0, 26, 12.125], [0, 0, 1]]).all()
    assert (lens.camera.width, lens.camera.height) == (32, 24)
    write_image(root / "images/room_6.png", np.zeros((64, 48, 3), np.uint8))
    capture = reader()(root)
    assert list(capture.damaged) == [6] and "is 48x64, its camera 64x48" in capture.damaged[6]


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing image": lambda root: (root / "images/room_6.png").unlink(),
    "no image": lambda root: (root / "images/room_6.png").write_text("hello"),
    "no motion": lambda root: _edit(root, "room_6.png", lambda line: "1 9 9 9 9 0 0 0 1 room_6.png"),
    "nan": lambda root: _edit(root, "room_6.png", lambda line: "1 1 0 0 0 nan 0 0 1 room_6.png"),
    "outside": lambda root: _edit(root, "room_6.png", lambda line: line.replace("room_6", "../../secret")),
}


def _edit(root: Path, name: str, change: Callable[[str], str]) -> None:
    path = root / "sparse/0/images.txt"
    lines = path.read_text().split("\n")
    path.write_text("\n".join(change(line) if name in line else line for line in lines))


@pytest.mark.parametrize("kind", DAMAGE)
def test_one_damaged_frame_is_named_and_the_others_stay(tmp_path: Path, kind: str) -> None:
    root = write_workspace(tmp_path)
    DAMAGE[kind](root)
    capture = reader()(root)
    assert len(capture.shots) == 3 and len(capture.damaged) == 1
    (reason,) = capture.damaged.values()
    assert str(root) in reason and "\n" not in reason


def test_a_workspace_without_a_model_or_without_images_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no COLMAP model in sparse/0.* set scene\.reader\.model"):
        reader()(tmp_path)
    root = write_workspace(tmp_path)
    for path in (root / "images").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"no frame that can be used \(.*room_5\.png.*set scene\.reader\.images"):
        reader()(root)


@pytest.mark.parametrize("folder", ["images", "rgb", "."])
def test_an_rgb_folder_takes_its_poses_from_a_model_and_no_depth(tmp_path: Path, folder: str) -> None:
    root = write_workspace(tmp_path)
    write_image(root / "depth/room_5.png", np.full((48, 64), 1, np.uint16))
    if folder != "images":
        for path in sorted((root / "images").iterdir()):
            (root / folder).mkdir(exist_ok=True)
            shutil.move(path, root / folder / path.name)
        (root / "images").rmdir()
    capture = rgb_reader()(root)
    assert [shot.index for shot in capture.shots] == [5, 6, 7, 8]
    assert all(shot.depth is None for shot in capture.shots) and capture.points is not None


def test_an_rgb_folder_without_a_model_names_the_commands_that_make_one(tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "my room")
    shutil.rmtree(root / "sparse")
    with pytest.raises(ValueError) as raised:
        rgb_reader()(root)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 600 + 6 * len(str(root))
    for command in ("colmap feature_extractor", "colmap sequential_matcher", "colmap mapper"):
        assert command in message
    assert f"--image_path '{root / 'images'}'" in message and f"--output_path '{root / 'sparse'}'" in message
    with pytest.raises(ValueError, match="holds no images"):
        rgb_reader()(tmp_path)
