"""COLMAP models: bytes that COLMAP itself wrote, every camera model against what OpenCV makes of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from o2recon.scene.readers.colmap_cameras import ColmapCamera, lens_of
from o2recon.scene.readers.colmap_model import find_model, read_model

# Written by COLMAP 4.2.1 through pycolmap: one OPENCV camera (id 3), two images, two points.
BINARY = {
    "cameras": "010000000000000003000000040000004000000000000000300000000000000000000000000049400000000000004a40"
    "00000000004040400000000000403840000000000000c03f000000000000b0bf000000000000703f00000000000060bf",
    "images": "020000000000000001000000000000000000f03f000000000000000000000000000000000000000000000000000000000000"
    "e03f000000000000f0bf000000000000004003000000622f6672616d655f303031322e706e6700000000000000000002000000333333"
    "333333e33f00000000000000009a9999999999e93f00000000000000000000000000000000000000000000d03f000000000000f03f03"
    "0000006672616d655f303030372e706e6700030000000000000000000000000024400000000000803440010000000000000000000000"
    "0000264000000000008034400200000000000000000000000000284000000000008034400200000000000000",
    "points3D": "02000000000000000100000000000000000000000000f03f000000000000004000000000000008400a141e0000000000"
    "00e03f010000000000000002000000000000000200000000000000000000000000f0bf000000000000e03f0000000000001040ff0001"
    "000000000000fc3f020000000000000002000000010000000200000002000000",
}
TEXT = {
    "cameras": "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
    "# Number of cameras: 1\n3 OPENCV 64 48 50 52 32.5 24.25 0.125 -0.0625 0.00390625 -0.001953125\n",
    "images": "# Image list with two lines of data per image:\n"
    "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n#   POINTS2D[] as (X, Y, POINT3D_ID)\n"
    "# Number of images: 2, mean observations per image: 1.5\n"
    "1 1 0 0 0 0.5 -1 2 3 b/frame_0012.png\n\n"
    "2 0.59999999999999998 0 0.80000000000000004 0 0 0.25 1 3 frame_0007.png\n10 20.5 1 11 20.5 2 12 20.5 2 \n",
    "points3D": "# 3D point list with one line of data per point:\n"
    "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n"
    "# Number of points: 2, mean track length: 1.5\n1 1 2 3 10 20 30 0.5 2 0\n2 -1 0.5 4 255 0 1 1.75 2 1 2 2\n",
}


def write_model(folder: Path, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in BINARY:
        if kind == "bin":
            (folder / f"{name}.bin").write_bytes(bytes.fromhex(BINARY[name]))
        else:
            (folder / f"{name}.txt").write_text(TEXT[name])
    return folder


@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_a_model_written_by_colmap_is_read_as_it_was_meant(tmp_path: Path, kind: str) -> None:
    model = read_model(write_model(tmp_path, kind))
    lens = model.lenses[3]
    assert (lens.camera.width, lens.camera.height, lens.fisheye) == (64, 48, False)
    assert (lens.camera.intrinsics == [[50, 0, 32.5], [0, 52, 24.25], [0, 0, 1]]).all()
    assert lens.distortion == (0.125, -0.0625, 0.00390625, -0.001953125)
    assert [image.name for image in model.images] == ["b/frame_0012.png", "frame_0007.png"]
    still, turned = (image.camera_to_world() for image in model.images)
    assert (still == [[1, 0, 0, -0.5], [0, 1, 0, 1], [0, 0, 1, -2], [0, 0, 0, 1]]).all()
    # 2 atan(4/3) about y: cos = -0.28, sin = 0.96
    expected = [[-0.28, 0, -0.96, 0.96], [0, 1, 0, -0.25], [0.96, 0, -0.28, 0.28], [0, 0, 0, 1]]
    np.testing.assert_allclose(turned, expected, atol=1e-15)
    assert model.points is not None
    assert (model.points.positions == [[1, 2, 3], [-1, 0.5, 4]]).all()
    assert model.points.errors.tolist() == [0.5, 1.75] and model.points.track_lengths.tolist() == [1, 2]
    for error, track, kept in ((2.0, 1, 2), (1.0, 1, 1), (2.0, 2, 1), (1.0, 2, 0)):
        reliable = model.reliable_points(max_error=error, min_track=track)
        assert reliable is not None and len(reliable) == kept


PARAMETERS = {
    "SIMPLE_PINHOLE": (500, 320.5, 241),
    "PINHOLE": (500, 510, 320.5, 241),
    "SIMPLE_RADIAL": (500, 320.5, 241, 0.05),
    "RADIAL": (500, 320.5, 241, 0.05, -0.02),
    "OPENCV": (500, 510, 320.5, 241, 0.05, -0.02, 0.001, -0.002),
    "FULL_OPENCV": (500, 510, 320.5, 241, 0.05, -0.02, 0.001, -0.002, 0.01, 0.02, -0.01, 0.005),
    "SIMPLE_FISHEYE": (500, 320.5, 241),
    "FISHEYE": (500, 510, 320.5, 241),
    "SIMPLE_RADIAL_FISHEYE": (500, 320.5, 241, 0.05),
    "RADIAL_FISHEYE": (500, 320.5, 241, 0.05, -0.02),
    "OPENCV_FISHEYE": (500, 510, 320.5, 241, 0.05, -0.02, 0.003, -0.001),
}
# Where COLMAP 4.2.1 (pycolmap's img_from_cam) puts the point (0.3, -0.45, 1) of the camera's frame.
PIXELS = {
    "SIMPLE_PINHOLE": (470.5, 16.0),
    "PINHOLE": (470.5, 11.5),
    "SIMPLE_RADIAL": (472.69375, 12.709374999999994),
    "RADIAL": (472.43708125, 13.09437812500002),
    "OPENCV": (471.82958125, 9.167390687499989),
    "FULL_OPENCV": (471.0930382952881, 10.29430140820918),
    "SIMPLE_FISHEYE": (458.00400387047205, 34.7439941942919),
    "FISHEYE": (458.00400387047205, 30.618874078177726),
    "SIMPLE_RADIAL_FISHEYE": (459.69389757996385, 32.20915363005426),
    "RADIAL_FISHEYE": (459.5277502289633, 32.45837465655498),
    "OPENCV_FISHEYE": (459.53337407781527, 28.27893766094263),
}


def seen_at(camera: ColmapCamera, point: tuple[float, float, float]) -> np.ndarray:
    """By OpenCV, from the lens alone."""
    lens = lens_of(camera)
    k, at = lens.camera.intrinsics, np.array([[point]], float)
    if lens.fisheye:
        return cv2.fisheye.projectPoints(at, np.zeros(3), np.zeros(3), k, np.array(lens.distortion))[0].ravel()
    return cv2.projectPoints(at, np.zeros(3), np.zeros(3), k, np.array(lens.distortion or (0.0,) * 4))[0].ravel()


@pytest.mark.parametrize("model", PARAMETERS)
def test_a_lens_projects_where_colmap_does(model: str) -> None:
    camera = ColmapCamera(1, model, 640, 480, tuple(map(float, PARAMETERS[model])))
    np.testing.assert_allclose(seen_at(camera, (0.3, -0.45, 1.0)), PIXELS[model], atol=1e-9)


@pytest.mark.parametrize("model", ["FOV", "THIN_PRISM_FISHEYE", "DIVISION", "EUCM", "EQUIRECTANGULAR", "NEW_MODEL"])
def test_a_camera_that_opencv_cannot_express_is_refused_with_the_command_that_helps(model: str) -> None:
    with pytest.raises(ValueError, match=rf"camera 4 \({model}, 64x48\) cannot be .*colmap image_undistorter"):
        lens_of(ColmapCamera(4, model, 64, 48, (50.0, 50.0, 32.0, 24.0, 0.5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": (50.0, 32.0)}, "has 2 parameters, its model has 4"),
        ({"parameters": (float("nan"), 50.0, 32.0, 24.0)}, "nan or infinite"),
        ({"parameters": (-50.0, 50.0, 32.0, 24.0)}, "focal length -50"),
        ({"parameters": (50.0, 50.0, 132.0, 24.0)}, "principal point 132"),
        ({"width": 0}, "no size of an image"),
        ({"height": 2**40}, "no size of an image"),
    ],
)
def test_numbers_that_are_no_camera_are_refused(change: dict[str, object], message: str) -> None:
    values = {"id": 1, "model": "PINHOLE", "width": 64, "height": 48, "parameters": (50.0, 50.0, 32.0, 24.0), **change}
    with pytest.raises(ValueError, match=message):
        lens_of(ColmapCamera(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", ["sparse/0", "sparse", "colmap/sparse/0", "colmap", "dense/sparse", "."])
def test_the_model_is_found_where_tools_put_it(tmp_path: Path, folder: str) -> None:
    assert find_model(tmp_path) is None
    write_model(tmp_path / folder, "txt")
    assert find_model(tmp_path) == tmp_path / folder


def test_binary_wins_over_text_as_in_colmap_and_rigs_and_frames_are_passed_over(tmp_path: Path) -> None:
    write_model(tmp_path, "bin")
    write_model(tmp_path, "txt")
    (tmp_path / "cameras.txt").write_text("nonsense")
    for name in ("rigs", "frames"):
        (tmp_path / f"{name}.bin").write_bytes(b"whatever newer versions hold")
    model = read_model(tmp_path)
    assert {path.name for path in model.files} == {"cameras.bin", "images.bin", "points3D.bin"}


@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_points_may_be_missing(tmp_path: Path, kind: str) -> None:
    write_model(tmp_path, kind)
    (tmp_path / f"points3D.{kind}").unlink()
    model = read_model(tmp_path)
    assert model.points is None and model.reliable_points(max_error=1.0, min_track=1) is None


def test_a_name_may_hold_spaces(tmp_path: Path) -> None:
    write_model(tmp_path, "txt")
    path = tmp_path / "images.txt"
    path.write_text(path.read_text().replace("b/frame_0012.png", "my room 1.png"))
    assert read_model(tmp_path).images[0].name == "my room 1.png"


DAMAGE = {
    "cut short": ("cameras.bin", lambda d: d[:-1], "damaged .it ends within"),
    "key points cut short": ("images.bin", lambda d: d[:-1], "it says 3 records where 71 bytes"),
    "longer": ("cameras.bin", lambda d: d + b"x", "1 bytes are left over"),
    "a count of 2^60 images": ("images.bin", lambda d: b"\0" * 7 + b"\x10" + d[8:], "records where 248 bytes"),
    "a count of 2^62 tracks": ("points3D.bin", lambda d: d[:51] + b"\xff" * 7 + b"\x3f" + d[59:], "records where"),
    "unknown model": ("cameras.bin", lambda d: d[:12] + b"\x63" + d[13:], "unknown model 99"),
    "empty": ("cameras.bin", lambda d: b"", "empty file"),
    "another camera": ("images.bin", lambda d: d[:68] + b"\x09" + d[69:], "names camera 9, which cameras.bin"),
    "words": ("cameras.txt", lambda d: d.replace(b"52", b"fifty"), "could not convert"),
    "too few": ("images.txt", lambda d: d.replace(b"0.5 -1 2 3 b/", b"0.5 b/"), "damaged"),
    "no text": ("points3D.txt", lambda d: b"\xff\xfe" + d, "utf-8"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_one_line_that_names_the_file(tmp_path: Path, case: str) -> None:
    name, change, message = DAMAGE[case]
    write_model(tmp_path, name.rpartition(".")[2])
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match=message) as raised:
        read_model(tmp_path)
    assert str(tmp_path / name) in str(raised.value) and "\n" not in str(raised.value)


def test_a_pose_that_is_none_is_named_by_its_image(tmp_path: Path) -> None:
    write_model(tmp_path, "txt")
    path = tmp_path / "images.txt"
    path.write_text(path.read_text().replace("1 1 0 0 0", "1 0 0 0 0").replace("0 0.25 1 3", "0 nan 1 3"))
    for image in read_model(tmp_path).images:
        with pytest.raises(ValueError, match=rf"'{image.name}' has no rigid motion"):
            image.camera_to_world()
