"""Depth that is known at single pixels: sparse points as frames see them, and other frames' depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, project
from o2recon.types import Camera

IN_FRONT = 1.1
"""A point this many times as far as the nearest one beside it is taken to be hidden by it."""


@dataclass(frozen=True)
class SparseDepth:
    """z in metres at pixel positions of one frame (centres at +0.5)."""

    pixels: Float[np.ndarray, "points 2"]
    z: Float[np.ndarray, "points"]

    def __len__(self) -> int:
        return len(self.z)

    @classmethod
    def joined(cls, parts: Sequence["SparseDepth"]) -> "SparseDepth":
        """All of them; none of none."""
        if not parts:
            return cls(np.zeros((0, 2)), np.zeros(0))
        return cls(np.concatenate([p.pixels for p in parts]), np.concatenate([p.z for p in parts]))

    def image(self, camera: Camera) -> Float[np.ndarray, "height width"]:
        """The nearest z in every pixel, 0 where there is none."""
        column, row = np.floor(self.pixels).astype(int).T
        depth = np.full((camera.height, camera.width), np.inf, np.float32)
        np.minimum.at(depth, (row, column), self.z.astype(np.float32))
        return np.where(np.isfinite(depth), depth, np.float32(0))


def seen_points(
    points: Float[np.ndarray, "points 3"],
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    *,
    cell_px: int,
) -> SparseDepth:
    """The points that a frame sees: in the image, and not far behind another one within a cell of `cell_px` pixels.

    That finds most hidden points where points are dense; the others are for a robust fit to leave out.
    """
    pixels, z = project(camera, camera_to_world, points)
    inside = inside_image(camera, pixels, z)
    pixels, z = pixels[inside], z[inside]
    if len(z) == 0:
        return SparseDepth(pixels, z)
    cells = np.floor(pixels / cell_px).astype(int)
    nearest = np.full((camera.height // cell_px + 1, camera.width // cell_px + 1), np.inf, np.float32)
    np.minimum.at(nearest, (cells[:, 1], cells[:, 0]), z.astype(np.float32))
    around = cv2.erode(nearest, np.ones((3, 3), np.uint8))
    visible: Bool[np.ndarray, "points"] = z <= IN_FRONT * around[cells[:, 1], cells[:, 0]]
    return SparseDepth(pixels[visible], z[visible])


def neighbors(
    index: int,
    poses: dict[int, Float[np.ndarray, "4 4"]],
    *,
    count: int,
    max_angle: float,
    min_baseline: float,
) -> list[int]:
    """Frames that look the same way (within `max_angle` degrees) from elsewhere: the nearest `count` of them that are
    at least `min_baseline` metres away from this frame and from each other."""
    here = poses[index]
    others = [i for i in sorted(poses) if i != index]
    if not others:
        return []
    stack = np.stack([poses[i] for i in others])
    distance = np.linalg.norm(stack[:, :3, 3] - here[:3, 3], axis=1)
    facing = stack[:, :3, 2] @ here[:3, 2] > np.cos(np.deg2rad(max_angle))
    chosen: list[int] = []
    for k in np.argsort(distance, kind="stable"):
        if len(chosen) == count:
            break
        if not facing[k] or distance[k] < min_baseline:
            continue
        if all(np.linalg.norm(stack[k, :3, 3] - stack[j, :3, 3]) >= min_baseline for j in chosen):
            chosen.append(int(k))
    return [others[k] for k in chosen]
