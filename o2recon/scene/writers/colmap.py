"""Writer of COLMAP workspaces."""

from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from o2recon.progress import track
from o2recon.scene.readers.colmap_cameras import MODELS
from o2recon.scene.readers.colmap_files import CAMERA, COUNT, IMAGE, POINT
from o2recon.scene.scene import Scene
from o2recon.scene.writers.colmap_points import Cloud, Observations
from o2recon.scene.writers.folder import converted_folder
from o2recon.scene.writers.pictures import PictureFiles, frame_name, pinhole_numbers
from o2recon.types import Camera

MODEL, LENS = "sparse/0", "PINHOLE"
SUFFIXES = ("bin", "txt")
HEADERS = {
    "cameras": "# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n",
    "images": "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n# POINTS2D[] as (X, Y, POINT3D_ID)\n",
    "points3D": "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n",
}
OBSERVATION = np.dtype([("x", "<f8"), ("y", "<f8"), ("point", "<i8")])
TRACK = np.dtype([("image", "<u4"), ("place", "<u4")])


class ColmapWriter:
    """`<root>/sparse/0/{cameras,images,points3D}`, images/ (PNG), depth/ (16 bits, millimetres), instances/, labels/.

    One PINHOLE camera; poses in our world (metres, +z up); image ids count from 1. Points are the capture's sparse
    ones with the images that see them, or, where it has none, `points` pixels of its depth: methods that start from
    COLMAP's points (gaussian splatting) need some. `format`: bin or txt. Formats: see readers.colmap_files. ValueError
    for a folder that is not ours to write, and for ids above 65535.
    """

    def __init__(self, *, root: str | Path, format: Literal["bin", "txt"], points: int) -> None:
        if format not in SUFFIXES:
            raise ValueError(f"convert.format is {format}; it may be {' or '.join(SUFFIXES)}")
        if points < 0:
            raise ValueError(f"convert.points is {points}; it must be 0 (none) or more")
        self.root, self._binary, self._points = Path(root), format == "bin", points

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames of the scene."""
        numbers = pinhole_numbers(scene)
        with converted_folder(self.root, scene, layout="colmap") as temporary:
            files = PictureFiles(temporary, scene)
            cloud = Cloud.of(scene, self._points)
            poses, seen = {}, []
            written = scene.each(lambda index: files.written(scene.frame(index)))
            for index, frame in track(written, description="colmap", total=len(scene.indices)):
                poses[index] = frame.camera_to_world
                seen.append(cloud.seen(frame))
            files.write_table()
            model = temporary / MODEL
            model.mkdir(parents=True)
            observed = cloud.numbered(seen)
            write_cameras(model, scene.camera, numbers, binary=self._binary)
            write_images(model, poses, observed, binary=self._binary)
            write_points(model, cloud, observed, binary=self._binary)


def write_cameras(folder: Path, camera: Camera, numbers: tuple[float, ...], *, binary: bool) -> None:
    """cameras.bin or .txt with the one camera, number 1."""
    if binary:
        model = [name for name, _ in MODELS].index(LENS)
        data = COUNT.pack(1) + CAMERA.pack(1, model, camera.width, camera.height) + np.array(numbers, "<f8").tobytes()
        (folder / "cameras.bin").write_bytes(data)
    else:
        line = f"1 {LENS} {camera.width} {camera.height} {_words(numbers)}\n"
        (folder / "cameras.txt").write_text(HEADERS["cameras"] + line)


def write_images(folder: Path, poses: dict[int, np.ndarray], seen: list[Observations], *, binary: bool) -> None:
    """images.bin or .txt: world_to_camera as quaternion and translation, and what each image sees, in their order."""
    with open(folder / f"images.{SUFFIXES[not binary]}", "wb") as file:
        file.write(COUNT.pack(len(poses)) if binary else HEADERS["images"].encode())
        for number, ((index, pose), view) in enumerate(zip(poses.items(), seen, strict=True), 1):
            rotation = pose[:3, :3].T
            x, y, z, w = Rotation.from_matrix(rotation).as_quat().tolist()
            t = (-rotation @ pose[:3, 3]).tolist()
            if binary:
                rows = np.empty(len(view.points), OBSERVATION)
                rows["x"], rows["y"], rows["point"] = view.pixels[:, 0], view.pixels[:, 1], view.points
                name = frame_name(index).encode() + b"\0"
                file.write(IMAGE.pack(number, w, x, y, z, *t, 1) + name + COUNT.pack(len(rows)) + rows.tobytes())
            else:
                points = (
                    f"{_words(pixel)} {point}" for pixel, point in zip(view.pixels.tolist(), view.points, strict=True)
                )
                line = f"{number} {_words((w, x, y, z, *t))} 1 {frame_name(index)}\n{' '.join(points)}\n"
                file.write(line.encode())


def write_points(folder: Path, cloud: Cloud, seen: list[Observations], *, binary: bool) -> None:
    """points3D.bin or .txt: the points that some image sees, numbered as the images have them; their error unknown."""
    tracks = _tracks(seen)
    with open(folder / f"points3D.{SUFFIXES[not binary]}", "wb") as file:
        file.write(COUNT.pack(len(tracks)) if binary else HEADERS["points3D"].encode())
        for number, rows in tracks.items():
            position, color = cloud.positions[number - 1].tolist(), cloud.colors[number - 1].tolist()
            if binary:
                file.write(POINT.pack(number, *position, *color, -1.0) + COUNT.pack(len(rows)) + rows.tobytes())
            else:
                views = " ".join(f"{image} {place}" for image, place in rows.tolist())
                file.write(f"{number} {_words(position)} {' '.join(map(str, color))} -1 {views}\n".encode())


def _tracks(seen: list[Observations]) -> dict[int, np.ndarray]:
    """Image and place in it, by point."""
    points = np.concatenate([view.points for view in seen])
    rows = np.empty(len(points), TRACK)
    rows["image"] = np.repeat(np.arange(1, len(seen) + 1), [len(view.points) for view in seen])
    rows["place"] = np.concatenate([np.arange(len(view.points)) for view in seen])
    order = np.argsort(points, kind="stable")
    numbers, starts = np.unique(points[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(rows[order], starts[1:]), strict=True)) if len(points) else {}


def _words(numbers: tuple[float, ...] | list[float]) -> str:
    """As Python writes them: the shortest text that gives the same number back."""
    return " ".join(map(repr, numbers))
