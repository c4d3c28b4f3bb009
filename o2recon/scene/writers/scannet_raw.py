"""Writer of a scene as ScanNet ships it: a `.sens` stream, masks in zip archives, the label table."""

import shutil
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from jaxtyping import Float, Int

from o2recon.progress import track
from o2recon.scene.labels import TABLE, write_labels
from o2recon.scene.readers.sens import COLOR_TYPES, DEPTH_TYPES, FRAME, HEADER, NAME_LENGTH, VERSION
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder
from o2recon.scene.writers.pictures import ids_image
from o2recon.types import Camera
from o2recon.workspace import depth_to_millimetres

SENSOR = b"o2recon"
PACKINGS = {
    "png": ("png", ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),
    "jpg": ("jpeg", ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]),
}
"""Of colour: its name in the format, the file suffix that OpenCV knows it by, OpenCV's options."""
MILLIMETRES = 1000.0
MICROSECONDS_A_FRAME = 33_333
ANNOTATION = ("*_vh_clean_2.ply", "*.aggregation.json", "*.segs.json")
"""Fused mesh, its objects and its segments: copied where the scene has them, as its world stays the same."""
NO_FRAME = np.full((4, 4), -np.inf, np.float32)


@dataclass(frozen=True)
class _Packed:
    """One frame as bytes; masks None where the scene has none."""

    color: bytes
    depth: bytes
    instance: bytes | None
    label: bytes | None


class ScanNetRawWriter:
    """`<scene>.sens`, `<scene>_2d-instance-filt.zip`, `<scene>_2d-label-filt.zip` and the label table; the capture's
    mesh, segments and aggregation go along.

    Frames keep their numbers: where one is missing the stream has a frame without pose and images, which our reader
    passes over. Colour without loss as `png`, or as `jpg` (quality 95), the only one that ScanNet's Python exporter
    reads; depth in millimetres. Numbers are of 32 bits, as the format wants: poses are off by up to 1e-7 of their size.
    ValueError for a scene without depth.
    """

    def __init__(self, *, root: str | Path, color: str) -> None:
        if color not in PACKINGS:
            raise ValueError(f"convert.color is {color}; choose png or jpg")
        self.root, self.color = Path(root), color

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames; several are packed at a time."""
        if not scene.has_depth:
            raise ValueError(f"{scene.root} has no depth, which .sens needs: choose convert=nerfstudio or colmap")
        with converted_folder(self.root, scene, layout="scannet_raw") as folder, ExitStack() as open_files:
            sens = open_files.enter_context(open(folder / f"{scene.name}.sens", "wb"))
            archives = {
                kind: open_files.enter_context(zipfile.ZipFile(folder / f"{scene.name}_2d-{kind}-filt.zip", "w"))
                for kind, is_there in (("instance", scene.has_instances), ("label", bool(scene.labels)))
                if is_there
            }
            count_at, written = _write_header(sens, scene.camera, PACKINGS[self.color][0]), 0
            packed = scene.each(lambda index: self._pack(scene, index))
            for index, frame in track(packed, description=".sens", total=len(scene.indices)):
                for _ in range(written, index):
                    _write_frame(sens, NO_FRAME, 0, b"", b"")
                _write_frame(sens, scene.poses[index], index * MICROSECONDS_A_FRAME, frame.color, frame.depth)
                for kind, archive in archives.items():
                    archive.writestr(f"{kind}-filt/{index}.png", getattr(frame, kind))
                written = index + 1
            sens.write(bytes(8))  # no inertial samples
            sens.seek(count_at)
            sens.write(written.to_bytes(8, "little"))
            if scene.labels:
                write_labels(folder / TABLE, scene.labels)
            if (scene.capture_to_world == np.eye(4)).all():
                for path in (path for pattern in ANNOTATION for path in sorted(scene.root.glob(pattern))):
                    shutil.copyfile(path, folder / path.name)

    def _pack(self, scene: Scene, index: int) -> _Packed:
        frame = scene.frame(index)
        _, suffix, options = PACKINGS[self.color]
        return _Packed(
            color=_encoded(suffix, np.ascontiguousarray(frame.color[..., ::-1]), options),
            depth=zlib.compress(depth_to_millimetres(frame.depth).astype("<u2").tobytes()),
            instance=_ids(frame.instance, index) if scene.has_instances else None,
            label=_ids(scene.label(index), index) if scene.labels else None,
        )


def _write_header(file: BinaryIO, camera: Camera, color: str) -> int:
    """Everything before the first frame, without their number; gives the place of that."""
    header = np.zeros((), HEADER)
    matrix = np.eye(4)
    matrix[:3, :3] = camera.intrinsics
    matrix[:2, 2] -= 0.5  # pixel centres at integers
    header["matrices"] = [matrix, np.eye(4), matrix, np.eye(4)]
    header["types"] = [_code(COLOR_TYPES, color), _code(DEPTH_TYPES, "zlib")]
    header["sizes"] = (camera.width, camera.height)
    header["shift"] = MILLIMETRES
    file.write(NAME_LENGTH.pack(VERSION, len(SENSOR)) + SENSOR + header.tobytes())
    return file.tell() - 8


def _write_frame(file: BinaryIO, pose: Float[np.ndarray, "4 4"], time: int, color: bytes, depth: bytes) -> None:
    header = np.zeros((), FRAME)
    header["camera_to_world"], header["times"], header["bytes"] = pose, time, (len(color), len(depth))
    file.write(header.tobytes() + color + depth)


def _code(types: dict[int, str], name: str) -> int:
    return next(code for code, value in types.items() if value == name)


def _ids(image: Int[np.ndarray, "height width"], index: int) -> bytes:
    ids = ids_image(image, index)
    return _encoded(".png", ids.astype(np.uint8) if ids.max(initial=0) < 256 else ids, [])


def _encoded(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    ok, buffer = cv2.imencode(suffix, image, options)
    assert ok, suffix
    return buffer.tobytes()
