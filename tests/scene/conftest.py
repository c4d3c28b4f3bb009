"""Small scans in ScanNet's layout, written without the package: a box (id 1, label 2) on a floor (label 3)."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

FOCAL = 0.9
"""Of the image width."""


def intrinsics(width: int, height: int) -> np.ndarray:
    """4x4, pixel centres at integers, as the files have them."""
    k = np.eye(4)
    k[0, 0] = k[1, 1] = FOCAL * width
    k[0, 2], k[1, 2] = width / 2 - 0.5, height / 2 - 0.5
    return k


def pose_of(index: int) -> np.ndarray:
    """Looking at the origin from 2 m away, 1.2 m up; no edge of the box is level in the first images."""
    angle = 0.35 + 0.3 * index
    eye = np.array([2 * np.cos(angle), 2 * np.sin(angle), 1.2])
    forward = -eye / np.linalg.norm(eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, eye], 1)
    return pose


def render(pose: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(z-depth in metres, id) of the box [-0.3, 0.3]^2 x [0, 0.6] on the floor z = 0."""
    k = intrinsics(width, height)
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones(u.shape)], -1) @ pose[:3, :3].T
    eye = pose[:3, 3]
    with np.errstate(divide="ignore"):
        near = (np.array([-0.3, -0.3, 0.0]) - eye) / rays
        far = (np.array([0.3, 0.3, 0.6]) - eye) / rays
        floor = -eye[2] / rays[..., 2]
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    box = (enter < leave) & (enter > 0)
    floor = np.where((floor > 0) & (floor < 6), floor, 0)
    return np.where(box, enter, floor), box.astype(np.uint8)


@pytest.fixture(scope="session")
def write_scan() -> Callable[..., Path]:
    """write_scan(root, count=..., color=(w, h), depth=(w, h), ids=(w, h)) -> root."""

    def write(
        root: Path,
        *,
        count: int = 12,
        color: tuple[int, int] = (160, 120),
        depth: tuple[int, int] = (160, 120),
        ids: tuple[int, int] | None = None,
    ) -> Path:
        for folder in ("color", "depth", "pose", "intrinsic", "instance-filt", "label-filt"):
            (root / folder).mkdir(parents=True)
        for kind, size in (("color", color), ("depth", depth)):
            np.savetxt(root / "intrinsic" / f"intrinsic_{kind}.txt", intrinsics(*size), fmt="%.6f")
            np.savetxt(root / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4), fmt="%.6f")
        (root / "scannetv2-labels.combined.tsv").write_text(
            "id\traw_category\tcategory\tcount\tnyu40id\n2\tstack of chairs\tchair\t1\t5\n3\tfloor\tfloor\t1\t2\n"
        )
        for index in range(count):
            pose = pose_of(index)
            np.savetxt(root / "pose" / f"{index}.txt", pose, fmt="%.8f")
            z, _ = render(pose, *depth)
            cv2.imwrite(str(root / "depth" / f"{index}.png"), np.rint(z * 1000).astype(np.uint16))
            _, mask = render(pose, *(ids or color))
            cv2.imwrite(str(root / "instance-filt" / f"{index}.png"), mask)
            cv2.imwrite(str(root / "label-filt" / f"{index}.png"), np.where(mask, 2, 3).astype(np.uint16))
            _, mask = render(pose, *color)
            cv2.imwrite(str(root / "color" / f"{index}.jpg"), np.repeat(mask[..., None] * 200 + 20, 3, -1))
        return root

    return write


@pytest.fixture(scope="session")
def scan(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An intact scan that nobody may change."""
    return write_scan(tmp_path_factory.mktemp("scans") / "scan")
