"""The reader of transforms.json captures, on folders written without it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from o2recon.scene.readers.nerfstudio import NerfstudioReader

OPENGL = np.diag([1.0, -1, -1, 1])
COLMAP_TO_NERFSTUDIO = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""As ns-process-data applies it (process_data/colmap_utils.py)."""
PLY = "ply\nformat ascii 1.0\nelement vertex 1\n{}end_header\n".format("".join(f"property float {a}\n" for a in "xyz"))


def pose_of(number: int) -> np.ndarray:
    """camera_to_world, OpenCV axes."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.3, 0.1 * number, -0.2]).as_matrix()
    pose[:3, 3] = [number, 0.5, -1.5]
    return pose


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def write_capture(root: Path, *, world: np.ndarray | None = None, **shared: Any) -> Path:
    """images/frame_<i>.png, i = 5..8, depth (half size) and masks (the left half is valid) beside them."""
    frames = []
    for i in range(5, 9):
        write_image(root / f"images/frame_{i:05d}.png", np.full((48, 64, 3), 10 * i, np.uint8))
        write_image(root / f"depth/frame_{i:05d}.png", np.full((24, 32), 1000 + i, np.uint16))
        write_image(root / f"masks/frame_{i:05d}.png", np.tile(np.repeat([255, 0], 32).astype(np.uint8), (48, 1)))
        saved = (np.eye(4) if world is None else world) @ pose_of(i) @ OPENGL
        frames.append(
            {
                "file_path": f"./images/frame_{i:05d}.png",
                "depth_file_path": f"depth/frame_{i:05d}.png",
                "mask_path": f"masks/frame_{i:05d}.png",
                "transform_matrix": saved.tolist(),
            }
        )
    lens = {"fl_x": 50.0, "fl_y": 52.0, "cx": 32.5, "cy": 24.25, "w": 64, "h": 48, "camera_model": "OPENCV"}
    write_json(root / "transforms.json", {**lens, **shared, "frames": frames[::-1]})
    return root


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def edit(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((root / "transforms.json").read_text())
    change(content)
    write_json(root / "transforms.json", content)


def reader(**options: object) -> NerfstudioReader:
    given = {"file": None, "world": "original", "masks": "valid", "instances": "auto", "labels": "auto"}
    return NerfstudioReader(**{**given, "depth_scale": 0.001, **options})  # type: ignore[arg-type]


def test_frames_have_their_poses_lenses_numbers_and_pictures(tmp_path: Path) -> None:
    capture = reader(masks=None)(write_capture(tmp_path))
    assert [shot.index for shot in capture.shots] == [5, 6, 7, 8] and not capture.damaged
    for shot in capture.shots:
        np.testing.assert_allclose(shot.camera_to_world, pose_of(shot.index), atol=1e-14)
        assert (shot.lens.camera.intrinsics == [[50, 0, 32.5], [0, 52, 24.25], [0, 0, 1]]).all()
        assert (shot.color.read() == 10 * shot.index).all()
        assert shot.depth is not None and (shot.depth.read() == 1000 + shot.index).all()
        assert shot.instance is None and shot.label is None
    assert capture.up is not None and (capture.up == [0, 0, 1]).all()


def test_colmaps_world_is_given_back_with_its_points(tmp_path: Path) -> None:
    root = write_capture(
        tmp_path,
        world=COLMAP_TO_NERFSTUDIO,
        applied_transform=COLMAP_TO_NERFSTUDIO[:3].tolist(),
        ply_file_path="sparse_pc.ply",
    )
    (root / "sparse_pc.ply").write_text(PLY + "1 3 -2\n")  # (1, 2, 3) of COLMAP's world
    capture = reader()(root)
    for shot in capture.shots:
        np.testing.assert_allclose(shot.camera_to_world, pose_of(shot.index), atol=1e-14)
    assert capture.points is not None and (capture.points == [[1, 2, 3]]).all()
    assert capture.up is None and root / "sparse_pc.ply" in capture.files
    saved = reader(world="saved")(root)
    np.testing.assert_allclose(saved.shots[0].camera_to_world, COLMAP_TO_NERFSTUDIO @ pose_of(5), atol=1e-14)
    assert saved.points is not None and (saved.points == [[1, 3, -2]]).all()
    (root / "sparse_pc.ply").unlink()
    assert reader()(root).points is None


# What nerfstudio 1.1.5 (process_data.colmap_utils.colmap_to_json) makes of a COLMAP model with one OPENCV camera, the
# point (1, 2, 3), and two images whose world_to_camera is t = (0.5, -1, 2) without rotation, and t = (0, 0.25, 1) after
# 2 atan(4/3) about y.
BY_NERFSTUDIO = """{"w": 64, "h": 48, "fl_x": 50.0, "fl_y": 52.0, "cx": 32.5, "cy": 24.25, "k1": 0.125, "k2": -0.0625,
"p1": 0.00390625, "p2": -0.001953125, "camera_model": "OPENCV", "frames": [{"file_path": "images/frame_00001.png",
"transform_matrix": [[1.0, -0.0, -0.0, -0.5], [0.0, -0.0, -1.0, -2.0], [-0.0, 1.0, 0.0, -1.0], [0.0, 0.0, 0.0, 1.0]],
"colmap_im_id": 1}, {"file_path": "images/frame_00002.png", "transform_matrix":
[[-0.28000000000000025, 0.0, 0.96, 0.96], [0.96, -0.0, 0.28000000000000025, 0.28000000000000025],
[-0.0, 1.0, 0.0, 0.25], [0.0, 0.0, 0.0, 1.0]],
"colmap_im_id": 2}], "applied_transform": [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [-0.0, -1.0, -0.0, -0.0]],
"ply_file_path": "sparse_pc.ply"}"""
PLY_BY_NERFSTUDIO = """ply
format ascii 1.0
element vertex 1
property float x
property float y
property float z
property uint8 red
property uint8 green
property uint8 blue
end_header
1.000000 3.000000 -2.000000 10 20 30
"""


def test_a_capture_that_nerfstudio_wrote_lies_in_colmaps_world(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text(BY_NERFSTUDIO)
    (tmp_path / "sparse_pc.ply").write_text(PLY_BY_NERFSTUDIO)
    for i in (1, 2):
        write_image(tmp_path / f"images/frame_{i:05d}.png", np.zeros((48, 64, 3), np.uint8))
    capture = reader()(tmp_path)
    still, turned = capture.shots
    assert (still.camera_to_world == [[1, 0, 0, -0.5], [0, 1, 0, 1], [0, 0, 1, -2], [0, 0, 0, 1]]).all()
    expected = [[-0.28, 0, -0.96, 0.96], [0, 1, 0, -0.25], [0.96, 0, -0.28, 0.28], [0, 0, 0, 1]]
    np.testing.assert_allclose(turned.camera_to_world, expected, atol=1e-15)
    assert turned.lens.distortion == (0.125, -0.0625, 0.00390625, -0.001953125) and capture.up is None
    assert (turned.lens.camera.intrinsics == [[50, 0, 32.5], [0, 52, 24.25], [0, 0, 1]]).all()
    assert capture.points is not None and (capture.points == [[1, 2, 3]]).all()


@pytest.mark.parametrize(
    ("shared", "up"),
    [
        ({}, [0, 0, 1]),
        ({"applied_transform": COLMAP_TO_NERFSTUDIO[:3].tolist()}, None),
        # gravity-aligned exports (Record3D's, Polycam's) say so; their up in the original world is -y here
        ({"applied_transform": COLMAP_TO_NERFSTUDIO[:3].tolist(), "orientation_override": "none"}, [0, -1, 0]),
    ],
)
def test_the_capture_says_up_only_where_the_file_knows_it(
    tmp_path: Path, shared: dict[str, object], up: list[int] | None
) -> None:
    root = write_capture(tmp_path, **shared)
    found = reader()(root).up
    assert (found is None) if up is None else (found is not None and np.allclose(found, up))
    edit(root, lambda c: [frame.update(colmap_im_id=1) for frame in c["frames"]])
    if not shared:
        assert reader()(root).up is None


def test_depth_is_dropped_where_the_mask_says_no(tmp_path: Path) -> None:
    shot = reader()(write_capture(tmp_path)).shots[0]
    assert shot.depth is not None and shot.instance is None
    depth = shot.depth.read()
    assert (depth[:, :16] == 1005).all() and (depth[:, 16:] == 0).all() and depth.dtype == np.uint16


@pytest.mark.parametrize("white", [255, 1])
def test_the_mask_may_be_the_object(tmp_path: Path, white: int) -> None:
    root = write_capture(tmp_path)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 30:40] = white
    write_image(root / "masks/frame_00005.png", mask)
    shot = reader(masks="object")(root).shots[0]
    assert shot.instance is not None and (shot.instance.read() == (mask > 0)).all()
    assert shot.depth is not None and (shot.depth.read() == 1005).all()


def test_a_mask_may_have_colours_and_be_a_jpeg(tmp_path: Path) -> None:
    root = write_capture(tmp_path)
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:24] = 255
    write_image(root / "masks/a.jpg", mask)
    edit(root, lambda c: [frame.update(mask_path="masks/a.jpg") for frame in c["frames"]])
    depth = reader()(root).shots[0].depth
    assert depth is not None and (depth.read()[:12] == 1005).all() and (depth.read()[12:] == 0).all()


def test_without_a_mask_the_opacity_of_the_image_may_be_the_object(tmp_path: Path) -> None:
    image = np.zeros((40, 40, 4), np.uint8)
    image[5:15, 10:20] = 255
    write_image(tmp_path / "train/r_0.png", image)
    frame = {"file_path": "./train/r_0", "transform_matrix": np.eye(4).tolist()}
    write_json(tmp_path / "transforms_train.json", {"camera_angle_x": 0.7, "frames": [frame]})
    instance = reader(masks="object")(tmp_path).shots[0].instance
    assert instance is not None and (instance.read() == image[..., 3] / 255).all()
    assert reader()(tmp_path).shots[0].instance is None
    write_image(tmp_path / "train/r_0.png", image[..., :3])
    assert reader(masks="object")(tmp_path).shots[0].instance is None


def test_ids_are_named_by_the_frames_or_lie_in_folders(tmp_path: Path) -> None:
    root = write_capture(tmp_path)
    for i in range(5, 9):
        write_image(root / f"instances/frame_{i:05d}.png", np.full((48, 64), 3, np.uint8))
        write_image(root / f"ids/{i}.png", np.full((48, 64), 4, np.uint16))
        write_image(root / f"labels/{i}.png", np.full((48, 64), 2, np.uint8))
    (root / "scannetv2-labels.combined.tsv").write_text("id\traw_category\tx\tx\tnyu40id\n2\tchair\t\t\t5\n")
    capture = reader()(root)
    shot = capture.shots[0]
    assert shot.instance is not None and (shot.instance.read() == 3).all()
    assert shot.label is not None and (shot.label.read() == 2).all() and capture.labels[2].nyu40 == 5
    edit(root, lambda c: [frame.update(instance_path=f"ids/{frame['file_path'][-5]}.png") for frame in c["frames"]])
    shot = reader(labels=None)(root).shots[0]
    assert shot.instance is not None and (shot.instance.read() == 4).all() and shot.label is None


def test_blenders_files_are_read_together_and_need_no_suffixes(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("test", 2)):
        frames = []
        for i in range(count):
            write_image(tmp_path / f"{part}/r_{i}.png", np.zeros((40, 40, 4), np.uint8))
            frames.append({"file_path": f"./{part}/r_{i}", "transform_matrix": (pose_of(i) @ OPENGL).tolist()})
        write_json(tmp_path / f"transforms_{part}.json", {"camera_angle_x": 2 * math.atan(0.5), "frames": frames})
    capture = reader()(tmp_path)
    assert [shot.index for shot in capture.shots] == [0, 1, 2, 3, 4]
    assert all(shot.lens.camera.intrinsics[0, 0] == pytest.approx(40) for shot in capture.shots)
    assert [Path(shot.color.source).parent.name for shot in capture.shots] == ["test"] * 2 + ["train"] * 3
    assert len(reader(file="transforms_test.json")(tmp_path).shots) == 2


def test_depth_may_be_a_numpy_array(tmp_path: Path) -> None:
    root = write_capture(tmp_path)
    np.save(root / "depth/a.npy", np.full((24, 32), 1.5, np.float32))
    edit(root, lambda c: [frame.update(depth_file_path="depth/a.npy") for frame in c["frames"]])
    depth = reader(depth_scale=1.0)(root).shots[0].depth
    assert depth is not None and depth.size == (32, 24)
    assert (depth.read()[:, :16] == 1.5).all() and (depth.read()[:, 16:] == 0).all()


def test_a_file_that_knows_its_unit_of_depth_must_agree(tmp_path: Path) -> None:
    root = write_capture(tmp_path, integer_depth_scale=0.00025)
    with pytest.raises(ValueError, match=r"integer_depth_scale is 0.00025: set scene\.depth_scale=0.00025"):
        reader()(root)
    assert len(reader(depth_scale=0.00025)(root).shots) == 4


def _frame(content: dict[str, Any]) -> dict[str, Any]:
    return next(frame for frame in content["frames"] if "00006" in frame["file_path"])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing image": lambda root: (root / "images/frame_00006.png").unlink(),
    "missing depth": lambda root: (root / "depth/frame_00006.png").unlink(),
    "8-bit depth": lambda root: write_image(root / "depth/frame_00006.png", np.zeros((24, 32), np.uint8)),
    "no pose": lambda root: edit(root, lambda c: _frame(c).pop("transform_matrix")),
    "pose of words": lambda root: edit(root, lambda c: _frame(c).update(transform_matrix="none")),
    "no lens": lambda root: edit(root, lambda c: _frame(c).update(fl_x=-1)),
    "another shape": lambda root: edit(root, lambda c: _frame(c).update(w=48, h=64)),
    "depth outside": lambda root: edit(root, lambda c: _frame(c).update(depth_file_path="../../depth.png")),
    "depth no path": lambda root: edit(root, lambda c: _frame(c).update(depth_file_path=7)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_one_damaged_frame_is_named_and_the_others_stay(tmp_path: Path, kind: str) -> None:
    root = write_capture(tmp_path)
    DAMAGE[kind](root)
    capture = reader()(root)
    assert [shot.index for shot in capture.shots] == [5, 7, 8] and list(capture.damaged) == [6]
    assert str(root) in capture.damaged[6] and "\n" not in capture.damaged[6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "transforms.json").unlink(), "transforms.json is missing: set scene.root"),
        (lambda root: edit(root, lambda c: c.update(frames=[])), "lists no frames"),
        (lambda root: edit(root, lambda c: c["frames"][0].pop("file_path")), "frame 0 names no image"),
        (lambda root: edit(root, lambda c: c.update(applied_scale=0)), "scene.reader.world=saved"),
        (lambda root: edit(root, lambda c: c.update(fl_x=None, fl_y=None)), "no frame that can be used"),
        (lambda root: edit(root, lambda c: c.update(ply_file_path="../x.ply")), "files must lie in"),
    ],
)
def test_what_cannot_be_opened_is_one_line_with_the_remedy(
    tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    root = write_capture(tmp_path)
    change(root)
    with pytest.raises(ValueError, match=message) as raised:
        reader()(root)
    assert str(root) in str(raised.value) and "\n" not in str(raised.value)


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"scene\.reader\.world is here"):
        reader(world="here")
    with pytest.raises(ValueError, match=r"scene\.reader\.masks is maybe"):
        reader(masks="maybe")
