"""Poses and intrinsics from text files."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Lens
from o2recon.types import Camera

RIGID_TOLERANCE = 1e-2
"""Largest accepted |R^T R - 1|: text files round to a few digits."""
FARTHEST = 1e7
"""Positions beyond this (any unit) are damage, not places."""
FOCAL_LENGTHS = (0.02, 1000.0)
"""Accepted focal lengths, relative to the larger side of the image."""


def read_matrix(path: Path) -> Float[np.ndarray, "4 4"]:
    """A 4x4 (or 3x3, padded) matrix. ValueError, naming the file, when it is missing, no such matrix, or not finite."""
    try:
        values = np.array(path.read_text().split(), float)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): copy it from the scan again") from error
    except ValueError as error:
        raise ValueError(f"{path} is no 4x4 matrix of numbers: export it again") from error
    if values.size not in (9, 16):
        raise ValueError(f"{path} is no 4x4 matrix: it holds {values.size} numbers; export it again")
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds nan or infinite numbers: export it again")
    matrix = np.eye(4)
    side = 4 if values.size == 16 else 3
    matrix[:side, :side] = values.reshape(side, side)
    return matrix


def read_pose(path: Path) -> Float[np.ndarray, "4 4"]:
    """camera_to_world in metres, its rotation made exactly orthonormal. ValueError when it is no rigid motion."""
    return rigid(read_matrix(path), str(path))


def rigid(pose: Float[np.ndarray, "4 4"], source: str) -> Float[np.ndarray, "4 4"]:
    """The pose with its rotation made exactly orthonormal. ValueError, naming `source`, when it is no rigid motion."""
    check_rigid(pose, source)
    u, _, v = np.linalg.svd(pose[:3, :3])
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = u @ v, pose[:3, 3]
    return motion


def check_rigid(pose: Float[np.ndarray, "4 4"], source: str) -> None:
    """ValueError, naming `source`, when a matrix is no rigid motion, within what files round to."""
    rows = pose.tolist()  # plain numbers: scans have thousands of poses, and these do not warn when they overflow
    if not all(math.isfinite(x) for row in rows for x in row):
        raise ValueError(f"{source} holds nan or infinite numbers")
    x, y, z = (tuple(row[column] for row in rows[:3]) for column in range(3))
    lengths, cosines = (_dot(x, x), _dot(y, y), _dot(z, z)), (_dot(x, y), _dot(y, z), _dot(z, x))
    error = max(*(abs(length - 1) for length in lengths), *map(abs, cosines))
    cross = (x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0])
    last = max(abs(value - expected) for value, expected in zip(rows[3], (0, 0, 0, 1), strict=True))
    if not error <= RIGID_TOLERANCE or _dot(cross, z) < 0 or last > 1e-6:
        raise ValueError(f"{source} is no rigid motion (rotation off by {error:.2g})")
    if max(abs(row[3]) for row in rows[:3]) > FARTHEST:
        raise ValueError(f"{source} is more than {FARTHEST:g} units away from the origin")


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def read_camera(path: Path, width: int, height: int) -> Camera:
    """Camera of images of this size; half a pixel is added to the file's principal point (centres at integers there).

    ValueError when the matrix cannot belong to such images.
    """
    k = read_matrix(path)[:3, :3].copy()
    k[:2, 2] += 0.5
    if not (is_camera_matrix(k, width, height) and 0 < k[0, 2] < width and 0 < k[1, 2] < height):
        raise ValueError(
            f"{path} does not fit images of {width}x{height} (focal length {k[0, 0]:g}, {k[1, 1]:g}, principal point"
            f" {k[0, 2]:g}, {k[1, 2]:g}): give the intrinsics of the images as they are stored"
        )
    return Camera(k, width, height)


def is_camera_matrix(k: Float[np.ndarray, "3 3"], width: int, height: int) -> bool:
    """Whether a pinhole camera of images of this size may have these intrinsics; crops move the principal point far."""
    (fx, skew, cx), (zero, fy, cy), last = k.tolist()
    size = max(width, height)
    low, high = FOCAL_LENGTHS[0] * size, FOCAL_LENGTHS[1] * size
    if not (low <= fx <= high and low <= fy <= high):
        return False
    is_triangular = abs(zero) < 1e-6 and abs(last[0]) + abs(last[1]) + abs(last[2] - 1) < 1e-6
    return is_triangular and abs(skew) <= size and abs(cx) <= 10 * size and abs(cy) <= 10 * size


def resized(camera: Camera, width: int, height: int) -> Camera:
    """The same camera for images scaled to another size."""
    scale = np.diag([width / camera.width, height / camera.height, 1.0])
    return Camera(scale @ camera.intrinsics, width, height)


def resized_lens(lens: Lens, width: int, height: int) -> Lens:
    """The same lens for images scaled to another size; distortion does not know pixels."""
    if (width, height) == (lens.camera.width, lens.camera.height):
        return lens
    return replace(lens, camera=resized(lens.camera, width, height))


def typical(cameras: Sequence[Camera]) -> Camera:
    """The most frequent camera; of several equally frequent ones that with the median focal length."""
    keys = [(c.width, c.height, c.intrinsics.tobytes()) for c in cameras]
    counts = Counter(keys)
    most = max(counts.values())
    frequent = {key: c for key, c in zip(keys, cameras, strict=True) if counts[key] == most}
    by_focal_length = sorted(frequent.values(), key=lambda c: float(c.intrinsics[0, 0]) / c.width)
    return by_focal_length[len(by_focal_length) // 2]


def check_identity(path: Path) -> None:
    """ValueError when an extrinsics file is there and moves the camera: exported poses hold for both cameras."""
    if path.is_file() and not np.allclose(read_matrix(path), np.eye(4), atol=1e-4):
        raise ValueError(
            f"{path} is not the identity: register depth to colour before (colour and depth must share one pose)"
        )
