"""COLMAP's cameras as lenses: which parameters mean what, and which models OpenCV can undistort.

Models, their ids and the order of their parameters: src/colmap/sensor/models.h of COLMAP 4. The upper left pixel's
centre is at (0.5, 0.5) there, as here.
"""

from dataclasses import dataclass

import numpy as np

from o2recon.scene.capture import Lens
from o2recon.types import Camera

MODELS: tuple[tuple[str, int], ...] = (
    ("SIMPLE_PINHOLE", 3),
    ("PINHOLE", 4),
    ("SIMPLE_RADIAL", 4),
    ("RADIAL", 5),
    ("OPENCV", 8),
    ("OPENCV_FISHEYE", 8),
    ("FULL_OPENCV", 12),
    ("FOV", 5),
    ("SIMPLE_RADIAL_FISHEYE", 4),
    ("RADIAL_FISHEYE", 5),
    ("THIN_PRISM_FISHEYE", 12),
    ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
    ("SIMPLE_DIVISION", 4),
    ("DIVISION", 5),
    ("SIMPLE_FISHEYE", 3),
    ("FISHEYE", 4),
    ("EUCM", 6),
    ("EQUIRECTANGULAR", 2),
)
"""Name and number of parameters, by COLMAP's model id."""
PARAMETERS = dict(MODELS)
ONE_FOCAL = frozenset({"SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL"})
ONE_FOCAL_FISHEYE = frozenset({"SIMPLE_FISHEYE", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE"})
TWO_FOCALS = frozenset({"PINHOLE", "OPENCV", "FULL_OPENCV"})
TWO_FOCALS_FISHEYE = frozenset({"FISHEYE", "OPENCV_FISHEYE"})
MAX_SIDE = 1 << 16
"""Pixels: what no camera of today reaches."""


@dataclass(frozen=True)
class ColmapCamera:
    """One line of cameras.txt. `parameters` in the model's own order, pixel centres at +0.5."""

    id: int
    model: str
    width: int
    height: int
    parameters: tuple[float, ...]


def lens_of(camera: ColmapCamera) -> Lens:
    """The camera as OpenCV's perspective or fisheye model says it.

    ValueError when the model is none of OpenCV's, or its numbers cannot belong to images of that size.
    """
    name = f"camera {camera.id} ({camera.model}, {camera.width}x{camera.height})"
    fisheye = camera.model in ONE_FOCAL_FISHEYE | TWO_FOCALS_FISHEYE
    single = camera.model in ONE_FOCAL | ONE_FOCAL_FISHEYE
    if not fisheye and camera.model not in ONE_FOCAL | TWO_FOCALS:
        raise ValueError(
            f"{name} cannot be undistorted by OpenCV: run `colmap image_undistorter --image_path images"
            " --input_path sparse/0 --output_path dense` and open the folder dense"
        )
    values = camera.parameters
    if len(values) != PARAMETERS[camera.model]:
        raise ValueError(f"{name} has {len(values)} parameters, its model has {PARAMETERS[camera.model]}")
    if not (0 < camera.width < MAX_SIDE and 0 < camera.height < MAX_SIDE):
        raise ValueError(f"{name} has no size of an image: both sides must be 1 to {MAX_SIDE - 1} pixels")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has nan or infinite parameters")
    fx, fy, cx, cy, *extra = (values[0], *values) if single else values
    if fx <= 0 or fy <= 0 or not (0 < cx < camera.width and 0 < cy < camera.height):
        raise ValueError(
            f"{name} does not fit its images (focal length {fx:g}, {fy:g}, principal point {cx:g}, {cy:g})"
        )
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], float)
    padded = (*extra, *(0.0,) * (4 - len(extra)))
    distortion = padded if fisheye or any(extra) else ()
    return Lens(Camera(matrix, camera.width, camera.height), distortion, fisheye)
