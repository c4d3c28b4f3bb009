"""ScanNet++ scenes written by hand as the toolkit reads them: iPhone and DSLR, extracted and as downloaded."""

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from phone_layouts import View, views_of, write_ids, write_image
from round_trip import assert_same_scene, opened
from scipy.spatial.transform import Rotation

from o2recon.scene.capture import Capture
from o2recon.scene.readers import ScanNetPPReader, ScanNetReader
from o2recon.scene.scene import DamagedFrame


@pytest.fixture(scope="module")
def scan(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scan(tmp_path_factory.mktemp("pp") / "scan", count=6, color=(512, 384), depth=(256, 192))


@pytest.fixture(scope="module")
def views(scan: Path) -> list[View]:
    return views_of(scan)


def write_table(root: Path, views: list[View]) -> None:
    """`pose` is ARKit's own world, which nothing may use; ARKit counts pixels from the image's corner."""
    entries = {}
    for view in views:
        k = view.k.copy()
        k[:2, 2] += 0.5
        entries[f"frame_{view.index:06d}"] = {
            "timestamp": view.index / 60,
            "pose": (np.eye(4) * 5).tolist(),
            "intrinsic": k.tolist(),
            "imu": {},
            "aligned_pose": view.pose.tolist(),
        }
    (root / "iphone").mkdir(parents=True, exist_ok=True)
    (root / "iphone" / "pose_intrinsic_imu.json").write_text(json.dumps(entries))


def write_video(path: Path, views: list[View]) -> None:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 60, (512, 384))
    assert video.isOpened()
    for view in views:
        video.write(view.color)
    video.release()


def literals(data: bytes) -> bytes:
    """An LZ4 block that repeats nothing."""
    length = len(data) - 15
    return b"\xf0" + b"\xff" * (length // 255) + bytes([length % 255]) + data


def write_depth_bin(path: Path, views: list[View], kind: str) -> None:
    def deflated(data: bytes) -> bytes:
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(data) + packer.flush()

    metres = [(view.depth / 1000).astype("<f4").tobytes() for view in views]
    if kind == "stream":
        path.write_bytes(deflated(b"".join(metres)))
        return
    frames = [literals(view.depth.tobytes()) for view in views] if kind == "lz4" else [deflated(m) for m in metres]
    path.write_bytes(b"".join(struct.pack("<I", len(frame)) + frame for frame in frames))


def iphone(root: Path, views: list[View], *, packed: str | None = None) -> Path:
    """The scene's folder; `packed`: as downloaded, with this kind of depth.bin."""
    write_table(root, views)
    write_ids(root, views)
    if packed is not None:
        write_video(root / "iphone" / "rgb.mkv", views)
        write_depth_bin(root / "iphone" / "depth.bin", views, packed)
        return root
    for view in views:
        write_image(root / "iphone" / "rgb" / f"frame_{view.index:06d}.jpg", view.color)
        write_image(root / "iphone" / "depth" / f"frame_{view.index:06d}.png", view.depth)
    return root


def read(root: Path, device: str = "iphone", poses: str = "aligned") -> Capture:
    return ScanNetPPReader(device=device, poses=poses)(root)


@pytest.mark.parametrize("packed", [None, "lz4", "deflate", "stream"])
def test_an_iphone_scene_is_the_scan_it_was_made_of(
    scan: Path, views: list[View], tmp_path: Path, packed: str | None
) -> None:
    root = iphone(tmp_path / "scene", views, packed=packed)
    scene = opened(root, ScanNetPPReader(device="iphone", poses="aligned"))
    assert_same_scene(opened(scan, ScanNetReader()), scene, depth=1e-3)
    color = scene.frame(3).color.astype(float)
    assert np.abs(cv2.resize(views[3].color, (256, 192), interpolation=cv2.INTER_AREA)[..., ::-1] - color).mean() < 3


def test_frames_of_one_depth_stream_come_in_any_order(views: list[View], tmp_path: Path) -> None:
    shots = {shot.index: shot for shot in read(iphone(tmp_path / "scene", views, packed="stream")).shots}
    for index in (4, 1, 5, 0, 2, 3, 0):
        depth = shots[index].depth
        assert depth is not None and np.abs(depth.read() - views[index].depth).max() < 0.01


def write_colmap(folder: Path, views: list[View], camera: str, name: str) -> None:
    """A model as text. `camera`: its line behind the id; `name`: of images, with the index to fill in."""
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text(f"1 {camera}\n")
    lines = []
    for number, view in enumerate(views, 1):
        inverse = np.linalg.inv(view.pose)
        x, y, z, w = Rotation.from_matrix(inverse[:3, :3]).as_quat()
        pose = " ".join(repr(float(value)) for value in (w, x, y, z, *inverse[:3, 3]))
        lines.append(f"{number} {pose} 1 {name.format(view.index)}\n\n")
    (folder / "images.txt").write_text("".join(lines))


def test_an_iphone_scene_with_colmaps_poses(scan: Path, views: list[View], tmp_path: Path) -> None:
    root = iphone(tmp_path / "scene", views)
    (root / "iphone" / "pose_intrinsic_imu.json").unlink()
    (fx, _, cx), (_, fy, cy) = views[0].k[:2] + [[0, 0, 0.5], [0, 0, 0.5]]
    camera = f"OPENCV 512 384 {fx} {fy} {cx} {cy} 0 0 0 0"
    write_colmap(root / "iphone" / "colmap", views[1:4], camera, "video/frame_{:06d}.jpg")
    capture = read(root, poses="colmap")
    assert [shot.index for shot in capture.shots] == [1, 2, 3]
    scene, true = opened(root, ScanNetPPReader(device="iphone", poses="colmap")), opened(scan, ScanNetReader())
    for index in scene.indices:
        assert np.abs(scene.poses[index] - true.poses[index]).max() < 1e-6
        assert np.abs(scene.frame(index).depth - true.frame(index).depth).max() < 1e-3


def test_a_dslr_scene(views: list[View], tmp_path: Path) -> None:
    root = tmp_path / "scene"
    camera = "OPENCV_FISHEYE 512 384 300 301 255 190 0.01 -0.002 0.0003 -0.0001"
    write_colmap(root / "dslr" / "colmap", views, camera, "DSC{:05d}.JPG")
    for view in views:
        ok, data = cv2.imencode(".jpg", view.color)
        assert ok
        path = root / "dslr" / "resized_images" / f"DSC{view.index:05d}.JPG"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.tobytes())
    write_image(root / "dslr" / "render_depth" / "DSC00001.png", np.full((384, 512), 2500, np.uint16))
    (root / "dslr" / "nerfstudio").mkdir()
    frames = [{"file_path": f"DSC{v.index:05d}.JPG", "is_bad": v.index == 2} for v in views]
    (root / "dslr" / "nerfstudio" / "transforms.json").write_text(json.dumps({"frames": frames}))
    capture = read(root, device="dslr")
    assert [shot.index for shot in capture.shots] == [0, 1, 3, 4, 5] and not capture.damaged
    shot = capture.shots[1]
    assert shot.lens.fisheye and shot.lens.distortion == (0.01, -0.002, 0.0003, -0.0001)
    assert shot.lens.camera.intrinsics.tolist() == [[300, 0, 255], [0, 301, 190], [0, 0, 1]]
    assert np.abs(shot.camera_to_world - views[1].pose).max() < 1e-7
    assert shot.depth is not None and shot.depth.read()[0, 0] == 2500 and capture.shots[0].depth is None
    assert np.abs(shot.color.read()[..., ::-1].astype(float) - views[1].color).mean() < 3


def _without_pose(root: Path, number: int) -> None:
    path = root / "iphone" / "pose_intrinsic_imu.json"
    table = json.loads(path.read_text())
    del table[f"frame_{number:06d}"]["aligned_pose"]
    path.write_text(json.dumps(table))


def test_single_frames_are_damaged_and_extracted_ones_decide_what_is_listed(views: list[View], tmp_path: Path) -> None:
    root = iphone(tmp_path / "scene", views)
    _without_pose(root, 1)
    (root / "iphone" / "depth" / "frame_000002.png").unlink()
    (root / "iphone" / "rgb" / "frame_000005.jpg").unlink()
    capture = read(root)
    assert [shot.index for shot in capture.shots] == [0, 3, 4]
    assert "frame 1 has no aligned_pose" in capture.damaged[1] and "frame_000002.png" in capture.damaged[2]
    assert set(capture.damaged) == {1, 2}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda r: shutil.rmtree(r / "iphone"), r"iphone is missing: set scene\.root to a scene of ScanNet\+\+"),
        (lambda r: shutil.rmtree(r / "iphone" / "rgb"), r"holds neither rgb/ nor rgb\.mp4 nor rgb\.mkv"),
        (lambda r: (r / "iphone" / "pose_intrinsic_imu.json").write_text("[]"), "must hold an entry frame_<number>"),
        (lambda r: (r / "iphone" / "pose_intrinsic_imu.json").write_text("{"), "is no JSON file"),
        (lambda r: (r / "iphone" / "pose_intrinsic_imu.json").unlink(), "cannot be read .* set scene.reader.poses"),
    ],
)
def test_what_is_missing_is_named(
    views: list[View], tmp_path: Path, fault: Callable[[Path], object], reason: str
) -> None:
    root = iphone(tmp_path / "scene", views)
    fault(root)
    with pytest.raises(ValueError, match=reason):
        read(root)


def test_a_depth_bin_that_is_something_else_is_refused(views: list[View], tmp_path: Path) -> None:
    root = iphone(tmp_path / "scene", views, packed="lz4")
    (root / "iphone" / "depth.bin").write_bytes(b"not found")
    with pytest.raises(ValueError, match=r"depth\.bin is damaged or no depth of ScanNet\+\+"):
        read(root)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lz4", "deflate", "stream"])
def test_damaged_depth(views: list[View], tmp_path: Path, kind: str) -> None:
    root = iphone(tmp_path / "scene", views[:3], packed=kind)

    def attempt() -> None:
        errors = []
        for shot in read(root).shots:
            try:
                assert shot.depth is not None and shot.depth.read().shape == (192, 256)
            except DamagedFrame as error:
                errors.append(error)
        if errors:
            raise errors[0]

    done = fuzz(root / "iphone" / "depth.bin", attempt, count=4000)
    assert done["refused"] > 500


@pytest.mark.slow
def test_damaged_tables(views: list[View], tmp_path: Path) -> None:
    root = iphone(tmp_path / "scene", views[:3])
    done = fuzz(root / "iphone" / "pose_intrinsic_imu.json", lambda: read(root), count=10_000)
    assert done["refused"] > 500
