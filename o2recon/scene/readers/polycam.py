"""Reader of Polycam's raw data export: LiDAR captures of an iPhone or iPad."""

import logging
from pathlib import Path

import numpy as np

from o2recon.scene.capture import Capture, Lens, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.readers.confidence import checked_level, confident_depth
from o2recon.scene.readers.json_files import read_json
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import OPENGL, Y_UP, pinhole, rigid

MAX_JSON_BYTES = 1 << 20
CONFIDENCE_UNIT = 127
"""Confidence images hold 0, 127 and 255."""
KEYS = ("fx", "fy", "cx", "cy", "width", "height", *(f"t_{row}{column}" for row in range(3) for column in range(4)))

log = logging.getLogger(__name__)


class PolycamReader:
    """`keyframes/{images,cameras,depth,confidence}` and, after pose optimisation, `corrected_images`,
    `corrected_cameras`; files named by time in microseconds, frames numbered in that order.

    Corrected images are undistorted and their poses globally optimised: they are used where both folders exist, unless
    `corrected` is false; images/ have some distortion that nothing gives. camera_to_world stands in rows t_00 .. t_23
    with ARKit's axes: camera +x right, +y up, looking along -z, world +y up, metres. (nerfstudio's importer permutes
    the rows to turn +y up into +z up.) Depth is in millimetres, smaller than colour and on the same camera; where
    confidence is below `min_confidence` (0 low, 1 medium, 2 high) it is dropped: Polycam calls low quite unreliable,
    and depth beyond 5 m a guess. Pixel coordinates count from the image's corner, as ARKit's.

    Sources: Polycam's github.com/PolyCam/polyform (README, core/capture_folder.py); nerfstudio's polycam_utils.py;
    developer.apple.com/documentation/arkit/arcamera/intrinsics.
    """

    def __init__(self, *, corrected: bool, min_confidence: int) -> None:
        self._corrected, self._least = corrected, checked_level(min_confidence)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        keyframes = root / "keyframes"
        if not keyframes.is_dir():
            raise ValueError(f"{keyframes} is missing: set scene.root to an unzipped raw data export of Polycam")
        prefix = "corrected_" if self._corrected else ""
        if self._corrected and not all((keyframes / f"corrected_{part}").is_dir() for part in ("images", "cameras")):
            log.warning("%s: poses were not optimised by Polycam; ARKit's own and distorted images are used", root.name)
            prefix = ""
        cameras = keyframes / f"{prefix}cameras"
        if not cameras.is_dir():
            raise ValueError(f"{cameras} is missing: export again as raw data, with the developer mode switched on")
        files = sorted((p for p in cameras.glob("*.json") if p.stem.isdecimal()), key=lambda path: int(path.stem))
        if not files:
            raise ValueError(f"{cameras} holds no <time>.json: export the capture again as raw data")
        shots, damaged = [], {}
        for index, file in enumerate(files):
            try:
                shots.append(self._shot(index, file, keyframes / f"{prefix}images", keyframes))
            except ValueError as damage:
                damaged[index] = str(damage)
        return Capture(tuple(shots), Y_UP, damaged)

    def _shot(self, index: int, file: Path, images: Path, keyframes: Path) -> Shot:
        camera = _read(file)
        name = file.stem
        color = file_picture(_first(images / f"{name}.jpg", images / f"{name}.png"), "color")
        scale = np.array(color.size) / (camera["width"], camera["height"])
        focal = (camera["fx"] * scale[0], camera["fy"] * scale[1])
        principal = (camera["cx"] * scale[0], camera["cy"] * scale[1])
        pose = np.array([[camera[f"t_{row}{column}"] for column in range(4)] for row in range(3)] + [[0, 0, 0, 1]])
        depth = confident_depth(
            keyframes / "depth" / f"{name}.png",
            keyframes / "confidence" / f"{name}.png",
            self._least,
            unit=CONFIDENCE_UNIT,
        )
        lens = Lens(pinhole(focal, principal, color.size, str(file)))
        ids = instance_beside(keyframes.parent, index)
        return Shot(index, rigid(pose, str(file)) @ OPENGL, lens, color, depth, instance=ids, files=(file,))


def _read(file: Path) -> dict[str, float]:
    """The numbers of a camera file. ValueError, naming it, when one of them is missing or no finite number."""
    content = read_json(file, max_bytes=MAX_JSON_BYTES, remedy="export the capture again")
    numbers = {}
    for key in KEYS:
        value = content.get(key) if isinstance(content, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
            raise ValueError(f"{file} has no finite number '{key}': it is no camera of Polycam")
        numbers[key] = float(value)
    if min(numbers["width"], numbers["height"]) < 1:
        raise ValueError(f"{file} speaks of an image without pixels")
    return numbers


def _first(*paths: Path) -> Path:
    """The first that exists, else the first: its name stands in the message then."""
    return next((path for path in paths if path.is_file()), paths[0])
