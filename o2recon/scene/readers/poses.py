"""Poses and pinhole cameras out of other programs' numbers."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from o2recon.scene.matrices import RIGID_TOLERANCE, check_rigid
from o2recon.types import Camera

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""OpenGL's camera axes (+x right, +y up, -z forward) in OpenCV's, and back."""
MAX_POSITION = 1e9
"""Coordinates beyond it are damage, whatever their unit."""
Y_UP = np.array([0.0, 1.0, 0.0])
Z_UP = np.array([0.0, 0.0, 1.0])


def rigid(pose: Float[np.ndarray, "4 4"], source: str) -> Float[np.ndarray, "4 4"]:
    """The pose with its rotation made exactly orthonormal. ValueError, naming `source`, when it is no rigid motion."""
    check_rigid(pose, f"{source}: the pose")
    u, _, v = np.linalg.svd(pose[:3, :3])
    return np.block([[u @ v, pose[:3, 3:]], [np.zeros((1, 3)), np.ones((1, 1))]])


def posed(position: Sequence[float], xyzw: Sequence[float], source: str) -> Float[np.ndarray, "4 4"]:
    """Pose of a position and a unit quaternion, its real part last. ValueError when the numbers are neither."""
    pose = np.eye(4)
    pose[:3, 3] = position
    norm = math.hypot(*xyzw)
    if not ((np.abs(pose) < MAX_POSITION).all() and abs(norm - 1) < RIGID_TOLERANCE):
        raise ValueError(f"{source}: no pose (position {list(position)}, quaternion of length {norm:g}, not 1)")
    pose[:3, :3] = Rotation.from_quat(np.asarray(xyzw, float)).as_matrix()
    return pose


def pinhole(focal: Sequence[float], principal: Sequence[float], size: tuple[int, int], source: str) -> Camera:
    """Camera of images of this size, pixel centres at +0.5. ValueError when the numbers cannot belong to them."""
    (fx, fy), (cx, cy), (width, height) = focal, principal, size
    if not (np.isfinite([fx, fy]).all() and fx > 0 and fy > 0 and 0 < cx < width and 0 < cy < height):
        raise ValueError(
            f"{source} does not fit images of {width}x{height} (focal length {fx:g}, {fy:g}, principal point"
            f" {cx:g}, {cy:g}): give the intrinsics of the images as they are stored"
        )
    return Camera(np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), width, height)
