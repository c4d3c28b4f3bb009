"""What numbers of transforms.json mean, on samples that other programs published."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from o2recon.scene.readers.transforms_json import (
    carried,
    lens_of,
    pose_of,
    read_transforms,
    saved_to_original,
    text,
)

# NeRF's Blender scene "lego", test/r_0: 800x800 pixels, a camera that looks at the origin.
LEGO: dict[str, Any] = {"camera_angle_x": 0.6911112070083618}
LEGO_FRAME = {
    "file_path": "./test/r_0",
    "rotation": 0.031415926535897934,
    "transform_matrix": [
        [-0.9999999403953552, 0.0, 0.0, 0.0],
        [0.0, -0.7341099977493286, 0.6790305972099304, 2.737260103225708],
        [0.0, 0.6790306568145752, 0.7341098785400391, 2.959291696548462],
        [0.0, 0.0, 0.0, 1.0],
    ],
}
# instant-ngp's fox, taken with a telephone.
FOX = {
    "camera_angle_x": 0.7481849417937728,
    "camera_angle_y": 1.2193576119562444,
    "fl_x": 1375.52,
    "fl_y": 1374.49,
    "k1": 0.0578421,
    "k2": -0.0805099,
    "p1": -0.000980296,
    "p2": 0.00015575,
    "cx": 554.558,
    "cy": 965.268,
    "w": 1080.0,
    "h": 1920.0,
    "aabb_scale": 4,
}
# nerfstudio's docs/quickstart/data_conventions.md.
NERFSTUDIO_FISHEYE = {
    "fl_x": 1072.281897246229,
    "fl_y": 1068.6906965388932,
    "cx": 1504.0,
    "cy": 1000.0,
    "w": 3008,
    "h": 2000,
    "camera_model": "OPENCV_FISHEYE",
    "k1": 0.03126218448029553,
    "k2": 0.005177020067511987,
    "k3": 0.0006640977794272005,
    "k4": 0.00010067035656515042,
    "p1": -6.472477652140879e-5,
    "p2": -1.374647851912992e-7,
}


def test_a_blender_camera_looks_where_it_should() -> None:
    lens, pose = lens_of(LEGO_FRAME, LEGO, (800, 800), "lego"), pose_of(LEGO_FRAME, "lego")
    focal = lens.camera.intrinsics[0, 0]
    assert focal == lens.camera.intrinsics[1, 1] and abs(focal - 1111.1110311937682) < 1e-9  # NeRF's own code says so
    assert (lens.camera.intrinsics[:2, 2] == 400).all() and lens.distortion == ()
    forward, down = pose[:3, 2], pose[:3, 1]
    np.testing.assert_allclose(forward, -pose[:3, 3] / np.linalg.norm(pose[:3, 3]), atol=1e-6)  # at the origin
    assert down[2] < -0.6 and abs(np.linalg.det(pose[:3, :3]) - 1) < 1e-12


def test_the_fox_has_opencvs_lens() -> None:
    lens = lens_of({}, FOX, (1080, 1920), "fox")
    assert (lens.camera.intrinsics == [[1375.52, 0, 554.558], [0, 1374.49, 965.268], [0, 0, 1]]).all()
    assert lens.distortion == (0.0578421, -0.0805099, -0.000980296, 0.00015575) and not lens.fisheye
    # the angles of view say the same, to the precision that they were made with
    from_angles = {key: value for key, value in FOX.items() if not key.startswith("fl_")}
    np.testing.assert_allclose(
        lens_of({}, from_angles, (1080, 1920), "fox").camera.intrinsics, lens.camera.intrinsics, rtol=1e-6
    )


def test_a_fisheye_has_four_coefficients_and_no_tangential_ones() -> None:
    lens = lens_of({}, NERFSTUDIO_FISHEYE, (3008, 2000), "fisheye")
    assert lens.fisheye and lens.distortion == tuple(NERFSTUDIO_FISHEYE[f"k{i}"] for i in (1, 2, 3, 4))
    assert lens_of({}, {"fl_x": 100, "is_fisheye": True}, (64, 48), "x").fisheye


def test_numbers_of_the_frame_win_over_those_of_the_file() -> None:
    shared = {"fl_x": 50, "fl_y": 60, "cx": 30, "cy": 20, "w": 64, "h": 48, "k1": 0.1}
    lens = lens_of({"fl_x": 55.5, "k1": 0.2, "k3": 0.01, "camera_model": "PINHOLE"}, shared, (64, 48), "x")
    assert (lens.camera.intrinsics == [[55.5, 0, 30], [0, 60, 20], [0, 0, 1]]).all()
    assert lens.distortion == (0.2, 0.0, 0.0, 0.0, 0.01)


def test_smaller_images_scale_the_lens() -> None:
    lens = lens_of({}, {"fl_x": 50, "fl_y": 60, "cx": 30, "cy": 20, "w": 64, "h": 48}, (32, 24), "x")
    assert (lens.camera.intrinsics == [[25, 0, 15], [0, 30, 10], [0, 0, 1]]).all() and lens.camera.width == 32


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({}, "focal length 0"),
        ({"fl_x": "50"}, "fl_x must be a finite number, it is '50'"),
        ({"fl_x": True}, "fl_x must be a finite number"),
        ({"fl_x": 10**400}, "fl_x must be a finite number"),
        ({"fl_x": math.inf}, "fl_x must be a finite number"),
        ({"fl_x": -50}, "focal length -50"),
        ({"fl_x": 50, "cx": 90}, "principal point 90"),
        ({"fl_x": 50, "w": 1e9}, "w and h must be 1 to"),
        ({"fl_x": 50, "w": 48, "h": 64}, "is 64x48, its camera 48x64: another shape"),
        ({"fl_x": 1e12}, "1e.12 is no focal length"),
        ({"fl_x": 50, "k1": -1e300}, "1e.300 is no focal length or distortion"),
        ({"fl_x": 50, "k4": 0.1}, "k4 of a perspective camera"),
        ({"fl_x": 50, "camera_model": "EQUIRECTANGULAR"}, "'EQUIRECTANGULAR' cannot be undistorted; it may be OPENCV"),
        ({"fl_x": 50, "camera_model": ["OPENCV"]}, "cannot be undistorted"),
    ],
)
def test_lenses_that_are_none_are_refused(numbers: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lens_of({}, numbers, (64, 48), "x.json, a.png")


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (None, "3 or 4 rows of 4 numbers"),
        ([[1, 0, 0, 0]] * 5, "3 or 4 rows"),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], "3 or 4 rows of 4"),
        ([[1, 0, 0, "0"], [0, 1, 0, 0], [0, 0, 1, 0]], "rows of 4 numbers"),
        ([[1, 0, 0, math.nan], [0, 1, 0, 0], [0, 0, 1, 0]], "rows of 4 numbers"),
        ([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]], "no rigid motion"),
        ([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 0]], "no rigid motion"),
    ],
)
def test_poses_that_are_none_are_refused(matrix: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pose_of({"transform_matrix": matrix}, "x.json, a.png")


def test_what_nerfstudio_did_to_colmaps_world_is_undone() -> None:
    # colmap_to_json: c2w[:3, 1:3] *= -1; c2w = c2w[[0, 2, 1, 3]]; c2w[2] *= -1, by hand for R = 1, t = (0.5, -1, 2).
    saved = {"transform_matrix": [[1, 0, 0, -0.5], [0, 0, -1, -2], [0, 1, 0, -1], [0, 0, 0, 1]]}
    shared = {"applied_transform": [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]]}
    transform, scale = saved_to_original(shared, "x")
    expected = [[1, 0, 0, -0.5], [0, 1, 0, 1], [0, 0, 1, -2], [0, 0, 0, 1]]
    np.testing.assert_allclose(carried(pose_of(saved, "x"), transform, scale), expected, atol=1e-15)


def test_applied_scale_and_a_scaling_transform_are_undone() -> None:
    original = np.array([[0, -1, 0, 3], [1, 0, 0, -2], [0, 0, 1, 5], [0, 0, 0, 1.0]])
    applied = np.array([[0, 0, 2, 1.0], [2, 0, 0, 2], [0, 2, 0, 3], [0, 0, 0, 1]])
    saved = np.block([[applied[:3, :3] / 2 @ original[:3, :3], 0.25 * (applied @ original)[:3, 3:]], [0, 0, 0, 1]])
    transform, scale = saved_to_original({"applied_transform": applied[:3].tolist(), "applied_scale": 0.25}, "x")
    np.testing.assert_allclose(carried(saved, transform, scale), original, atol=1e-14)


@pytest.mark.parametrize(
    "shared",
    [
        {"applied_scale": 0},
        {"applied_scale": -1},
        {"applied_transform": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 0]]},
        {"applied_transform": [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0]]},
        {"applied_transform": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]},
        {"applied_transform": [[1e300, 0, 0, 0], [0, 1e300, 0, 0], [0, 0, 1e300, 0]]},
    ],
)
def test_a_world_that_cannot_be_undone_names_the_option(shared: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"scene\.reader\.world=saved"):
        saved_to_original(shared, "x.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON file"),
        (b"[" * 100_000, "is no JSON file"),
        (b"\xff\xfe{}", "is no JSON file"),
        (b'{"frames": ' + b"9" * 5000 + b"}", "is no JSON file"),
        (b"[]", "has no list 'frames'"),
        (b'{"frames": 3}', "has no list 'frames'"),
        (b'{"frames": [1]}', "has no list 'frames'"),
    ],
)
def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "transforms.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        read_transforms(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_text_is_the_first_key_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": [{"depth_path": "a\\b.png", "mask_path": 3}]}))
    _, (frame,) = read_transforms(tmp_path / "transforms.json")
    assert text(frame, ("depth_file_path", "depth_path"), "x") == "a/b.png" and text(frame, ("file_path",), "x") is None
    with pytest.raises(ValueError, match="mask_path must be the path of a file"):
        text(frame, ("mask_path",), "x")
