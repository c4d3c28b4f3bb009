"""Thousands of damaged transforms.json, COLMAP, PLY and .npy files: each is read or refused in one line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from scipy.spatial.transform import Rotation

from o2recon.scene.capture import Capture
from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.colmap_model import find_model
from o2recon.scene.readers.nerfstudio import NerfstudioReader
from o2recon.scene.readers.npy import npy_picture
from o2recon.scene.readers.ply_points import read_ply_points
from o2recon.scene.writers.colmap import write_cameras, write_images, write_points
from o2recon.scene.writers.colmap_points import Cloud, Observations
from o2recon.scene.writers.ply import write_ply_points
from o2recon.types import Camera

COUNT = 10_000
POINTS = np.random.default_rng(0).normal(size=(20, 3))


def pose_of(number: int) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.3, 0.1 * number, -0.2]).as_matrix()
    pose[:3, 3] = [number, 0.5, -1.5]
    return pose


def read_all(capture: Capture) -> None:
    for shot in capture.shots:
        for picture in (shot.color, shot.depth, shot.instance):
            if picture is not None:
                picture.read()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Images, depth and masks of four frames."""
    for kind, value in (("images", np.uint8(9)), ("depth", np.uint16(900)), ("masks", np.uint8(255))):
        (tmp_path / kind).mkdir()
        for i in range(4):
            image = np.full((12, 16, 3) if kind == "images" else (12, 16), value)
            assert cv2.imwrite(str(tmp_path / kind / f"frame_{i:05d}.png"), image)
    return tmp_path


@pytest.mark.slow
def test_transforms_json(images: Path) -> None:
    frames = [
        {
            "file_path": f"images/frame_{i:05d}.png",
            "depth_file_path": f"depth/frame_{i:05d}.png",
            "mask_path": f"masks/frame_{i:05d}.png",
            "transform_matrix": pose_of(i).tolist(),
            **({"fl_x": 12.5, "camera_model": "OPENCV_FISHEYE"} if i % 2 else {}),
        }
        for i in range(4)
    ]
    content = {
        **{"fl_x": 12.0, "fl_y": 12.5, "cx": 8.0, "cy": 6.0, "w": 16, "h": 12, "camera_angle_x": 0.7},
        **{"k1": 0.01, "k2": -0.001, "k3": 0.0, "p1": 0.0001, "p2": 0.0, "camera_model": "OPENCV"},
        **{"applied_transform": [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]], "applied_scale": 1.0},
        **{"ply_file_path": "sparse_pc.ply", "integer_depth_scale": 0.001, "orientation_override": "none"},
        "frames": frames,
    }
    (images / "transforms.json").write_text(json.dumps(content, indent=1))
    write_ply_points(images / "sparse_pc.ply", POINTS)
    reader = NerfstudioReader(
        file=None, world="original", masks="valid", instances="auto", labels="auto", depth_scale=0.001
    )
    done = fuzz(images / "transforms.json", lambda: read_all(reader(images)), count=COUNT, seconds=20)
    assert done["read"] > COUNT / 10 and done["refused"] > COUNT / 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bin", "txt"])
@pytest.mark.parametrize("name", ["cameras", "images", "points3D"])
def test_colmap_files(images: Path, name: str, kind: str) -> None:
    folder = images / "sparse/0"
    folder.mkdir(parents=True)
    seen = [Observations(np.full((5, 2), 3.5), np.arange(1, 6) + 5 * (i % 2)) for i in range(4)]
    camera = Camera(np.array([[12, 0, 8], [0, 12.5, 6], [0, 0, 1]]), 16, 12)
    write_cameras(folder, camera, (12.0, 12.5, 8.0, 6.0), binary=kind == "bin")
    write_images(folder, {i: pose_of(i) for i in range(4)}, seen, binary=kind == "bin")
    write_points(folder, Cloud(POINTS, per_frame=0, has_depth=False), seen, binary=kind == "bin")
    reader = ColmapReader(
        model=None, images=None, depth="auto", instances="auto", labels="auto", max_error=2.0, min_track=3
    )
    assert find_model(images) == folder and len(reader(images).shots) == 4
    done = fuzz(folder / f"{name}.{kind}", lambda: read_all(reader(images)), count=COUNT, seconds=20, named=images)
    assert done["read"] > COUNT / 100 and done["refused"] > COUNT / 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_ply_points(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.ply"
    write_ply_points(path, POINTS)
    if kind == "txt":
        header = path.read_bytes().split(b"end_header")[0].replace(b"binary_little_endian", b"ascii").decode()
        lines = "".join(f"{x} {y} {z} 1 2 3\n" for x, y, z in POINTS)
        path.write_text(f"{header}end_header\n{lines}")
    assert len(read_ply_points(path)) == 20
    done = fuzz(path, lambda: read_ply_points(path), count=COUNT)
    assert done["read"] > COUNT / 10 and done["refused"] > COUNT / 10


@pytest.mark.slow
def test_numpy_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.ones((12, 16), np.float32))
    done = fuzz(path, lambda: npy_picture(path).read(), count=COUNT)
    assert done["read"] > COUNT / 10 and done["refused"] > COUNT / 10
