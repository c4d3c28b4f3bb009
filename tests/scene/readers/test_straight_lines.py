"""A straight edge, bent by a lens, is straight and in its place after reading, in every layout that has such lenses.

The images are made here, by inverting each model's own formula; nothing of the package bends anything.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from round_trip import opened

from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.nerfstudio import NerfstudioReader

WIDTH, HEIGHT = 160, 120
FX, FY, CX, CY = 110.0, 113.0, 82.5, 57.25
EDGES = ((0.95, 0.31, -0.1, -40.0), (0.99, -0.14, 0.2, 45.0))
"""(a, b, c, where): a u + b v + c = where + a CX + b CY is an edge of the undistorted image, far from its centre."""
RAMP = 20.0
"""Grey levels per pixel across an edge."""

Bend = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def perspective(k1: float, k2: float = 0, p1: float = 0, p2: float = 0, *rest: float) -> Bend:
    """OpenCV's and COLMAP's OPENCV and FULL_OPENCV."""
    k3, k4, k5, k6 = (*rest, *(0.0,) * (4 - len(rest)))

    def bend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r2 = x**2 + y**2
        radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        du, dv = 2 * p1 * x * y + p2 * (r2 + 2 * x**2), p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
        return x * radial + du, y * radial + dv

    return bend


def fisheye(k1: float = 0, k2: float = 0, k3: float = 0, k4: float = 0) -> Bend:
    """OpenCV's fisheye and COLMAP's OPENCV_FISHEYE."""

    def bend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = np.hypot(x, y)
        t = np.arctan(r)
        share = t * (1 + k1 * t**2 + k2 * t**4 + k3 * t**6 + k4 * t**8) / np.maximum(r, 1e-12)
        return x * share, y * share

    return bend


def distance(edge: tuple[float, ...], u: np.ndarray, v: np.ndarray) -> np.ndarray:
    a, b, c, where = edge
    return (a * (u - CX) + b * (v - CY) + c - where) / np.hypot(a, b)


def bent_image(edge: tuple[float, ...], bend: Bend, fy: float = FY) -> np.ndarray:
    """What a camera with this lens sees of the edge: the lens is inverted by Newton's method, pixel by pixel."""
    u, v = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    goal = np.stack([(u - CX) / FX, (v - CY) / fy])
    at, h = goal.copy(), 1e-6
    for _ in range(30):
        here = np.stack(bend(*at))
        dx, dy = (np.stack(bend(at[0] + h, at[1])) - here) / h, (np.stack(bend(at[0], at[1] + h)) - here) / h
        error, det = goal - here, dx[0] * dy[1] - dx[1] * dy[0]
        at = at + np.stack([error[0] * dy[1] - error[1] * dy[0], dx[0] * error[1] - dx[1] * error[0]]) / det
    assert np.abs(np.stack(bend(*at)) - goal).max() < 1e-9
    grey = np.clip(128 + RAMP * distance(edge, FX * at[0] + CX, fy * at[1] + CY), 0, 255)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, -1)


def errors_of(edge: tuple[float, ...], image: np.ndarray) -> np.ndarray:
    """Distance, pixels, between the edge in an image and where it should be, row by row (rows that it crosses)."""
    grey = image[..., 0].astype(float)
    errors = []
    for v in range(4, HEIGHT - 4):
        row = grey[v]
        crossing = np.flatnonzero((row[:-1] < 128) & (row[1:] >= 128) & (row[1:] - row[:-1] < 3 * RAMP))
        for u in crossing:
            at = u + (128 - row[u]) / (row[u + 1] - row[u]) + 0.5
            errors.append(float(distance(edge, np.array(at), np.array(v + 0.5))))
    return np.array(errors)


COLMAP: dict[str, tuple[tuple[float, ...], Bend]] = {
    "SIMPLE_RADIAL": ((FX, CX, CY, -0.12), perspective(-0.12)),
    "RADIAL": ((FX, CX, CY, -0.25, 0.08), perspective(-0.25, 0.08)),
    "OPENCV": ((FX, FY, CX, CY, -0.25, 0.08, 0.004, -0.003), perspective(-0.25, 0.08, 0.004, -0.003)),
    "FULL_OPENCV": (
        (FX, FY, CX, CY, 0.3, 0.1, 0.004, -0.003, 0.02, 0.6, 0.05, -0.01),
        perspective(0.3, 0.1, 0.004, -0.003, 0.02, 0.6, 0.05, -0.01),
    ),
    "SIMPLE_FISHEYE": ((FX, CX, CY), fisheye()),
    "SIMPLE_RADIAL_FISHEYE": ((FX, CX, CY, 0.05), fisheye(0.05)),
    "RADIAL_FISHEYE": ((FX, CX, CY, 0.05, -0.01), fisheye(0.05, -0.01)),
    "OPENCV_FISHEYE": ((FX, FY, CX, CY, 0.05, -0.01, 0.004, -0.002), fisheye(0.05, -0.01, 0.004, -0.002)),
}
NERFSTUDIO: dict[str, tuple[dict[str, object], Bend]] = {
    "OPENCV": ({"k1": -0.25, "k2": 0.08, "p1": 0.004, "p2": -0.003}, perspective(-0.25, 0.08, 0.004, -0.003)),
    "k3": ({"k1": -0.25, "k2": 0.08, "k3": -0.02}, perspective(-0.25, 0.08, 0, 0, -0.02)),
    "OPENCV_FISHEYE": (
        {"camera_model": "OPENCV_FISHEYE", "k1": 0.05, "k2": -0.01, "k3": 0.004, "k4": -0.002, "p1": 0.1},
        fisheye(0.05, -0.01, 0.004, -0.002),
    ),
}


@pytest.mark.parametrize("model", COLMAP)
@pytest.mark.parametrize("edge", EDGES)
def test_in_colmaps_layout(tmp_path: Path, model: str, edge: tuple[float, ...]) -> None:
    parameters, bend = COLMAP[model]
    image = bent_image(edge, bend, parameters[1] if parameters[1] != CX else parameters[0])
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/1.png"), image)
    (tmp_path / "sparse").mkdir()
    (tmp_path / "sparse/cameras.txt").write_text(f"1 {model} {WIDTH} {HEIGHT} {' '.join(map(str, parameters))}\n")
    (tmp_path / "sparse/images.txt").write_text("1 1 0 0 0 0 0 0 1 1.png\n\n")
    reader = ColmapReader(model=None, images=None, depth=None, instances=None, labels=None, max_error=2.0, min_track=3)
    check(opened(tmp_path, reader, up=[0, -1, 0]).frame(1).color, image, edge)


@pytest.mark.parametrize("lens", NERFSTUDIO)
@pytest.mark.parametrize("edge", EDGES)
def test_in_nerfstudios_layout(tmp_path: Path, lens: str, edge: tuple[float, ...]) -> None:
    numbers, bend = NERFSTUDIO[lens]
    image = bent_image(edge, bend)
    cv2.imwrite(str(tmp_path / "1.png"), image)
    frame = {"file_path": "1.png", "transform_matrix": np.eye(4).tolist()}
    content = {"fl_x": FX, "fl_y": FY, "cx": CX, "cy": CY, "w": WIDTH, "h": HEIGHT, **numbers, "frames": [frame]}
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    reader = NerfstudioReader(
        file=None, world="original", masks="valid", instances="auto", labels="auto", depth_scale=0.001
    )
    check(opened(tmp_path, reader).frame(1).color, image, edge)


def check(read: np.ndarray, stored: np.ndarray, edge: tuple[float, ...]) -> None:
    """In its place to a tenth of a pixel wherever it is seen; before, it was pixels off."""
    errors, before = errors_of(edge, read), errors_of(edge, stored)
    assert len(errors) > 40 and np.abs(errors).max() < 0.1
    assert np.abs(before).max() > 1.5
