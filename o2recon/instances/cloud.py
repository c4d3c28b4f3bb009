"""What all frames measured in and around the boxes: one mean point and normal per small cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.instances.box import Box
from o2recon.types import Camera, Frame

FRAMES_AT_ONCE = 16
"""Frames whose points wait to be merged."""
NORMAL_STEP = 4
"""Pixels to each side over which the slope of the depth is taken."""


@dataclass(frozen=True)
class SurfaceCloud:
    """Cells of `spacing` metres, sorted by `cells` (see `cell_numbers`); `points` in the world, `normals` unit, towards
    the cameras."""

    spacing: float
    cells: Int[np.ndarray, "cells"]
    points: Float[np.ndarray, "cells 3"]
    normals: Float[np.ndarray, "cells 3"]

    def find(self, cells: Int[np.ndarray, "wanted"]) -> Int[np.ndarray, "wanted"]:
        """Row of every wanted cell; -1 where nothing was measured."""
        if len(self.cells) == 0:
            return np.full(len(cells), -1)
        at = np.minimum(np.searchsorted(self.cells, cells), len(self.cells) - 1)
        return np.where(self.cells[at] == cells, at, -1)


def surface_cloud(frames: Iterable[Frame], boxes: Sequence[Box], *, spacing: float, reach: float) -> SurfaceCloud:
    """Everything measured within `reach` metres of a box."""
    cells, sums = np.zeros(0, np.int64), np.zeros((0, 7))
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for frame in frames:
        points, normals = world_surface(frame)
        near: Bool[np.ndarray, "height width"] = frame.depth > 0
        near &= np.any([box.holds(points, margin=reach) for box in boxes], axis=0)
        near &= np.abs(normals).sum(-1) > 0
        if near.any():
            waiting.append(_summed(points[near], normals[near], spacing))
        if len(waiting) >= FRAMES_AT_ONCE:
            cells, sums = _merged(cells, sums, waiting)
            waiting = []
    cells, sums = _merged(cells, sums, waiting)
    normals = sums[:, 3:6] / (np.linalg.norm(sums[:, 3:6], axis=1, keepdims=True) + 1e-12)
    return SurfaceCloud(spacing, cells, sums[:, :3] / sums[:, 6:], normals)


def world_points(frame: Frame) -> Float[np.ndarray, "height width 3"]:
    """World point of every pixel; the camera's place where nothing was measured."""
    points = (_rays(frame.camera) * frame.depth[..., None].astype(np.float32)) @ _rotation(frame).T
    return points + frame.camera_to_world[:3, 3].astype(np.float32)


def world_surface(frame: Frame) -> tuple[Float[np.ndarray, "height width 3"], Float[np.ndarray, "height width 3"]]:
    """World point and unit normal (towards the camera, 0 where unknown) of every pixel, from lightly smoothed depth."""
    rays = _rays(frame.camera)
    smooth = cv2.medianBlur(frame.depth.astype(np.float32), 5)
    local = rays * smooth[..., None]
    across, down = np.zeros_like(local), np.zeros_like(local)
    step = NORMAL_STEP
    across[:, step:-step] = local[:, 2 * step :] - local[:, : -2 * step]
    down[step:-step] = local[2 * step :] - local[: -2 * step]
    normals = np.cross(across, down)
    kernel = np.ones((2 * step + 1, 2 * step + 1), np.uint8)
    jump = cv2.dilate(smooth, kernel) - cv2.erode(smooth, kernel)
    sure = (frame.depth > 0) & (cv2.erode(smooth, kernel) > 0) & (jump < 0.05 + 0.1 * smooth)
    normals *= -np.sign((normals * rays).sum(-1, keepdims=True)) * sure[..., None]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    return world_points(frame), normals @ _rotation(frame).T


def cell_numbers(points: Float[np.ndarray, "points 3"], spacing: float) -> Int[np.ndarray, "points"]:
    """One number per cell of a grid of two million cells along each axis; neighbours differ by `steps`."""
    cells = np.floor(points / spacing).astype(np.int64) + (1 << 20)
    return (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]


def step_of(offset: Sequence[int]) -> int:
    """What a neighbouring cell's number differs by."""
    return (offset[0] << 42) + (offset[1] << 21) + offset[2]


def _rotation(frame: Frame) -> Float[np.ndarray, "3 3"]:
    return frame.camera_to_world[:3, :3].astype(np.float32)


def _rays(camera: Camera) -> Float[np.ndarray, "height width 3"]:
    return unnormalized_rays(camera, pixel_centers(camera)).astype(np.float32)


def _summed(points: np.ndarray, normals: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Sums of (point, normal, number) over each cell."""
    cells, inverse = np.unique(cell_numbers(points, spacing), return_inverse=True)
    sums = np.zeros((len(cells), 7))
    for k, column in enumerate((*points.T, *normals.T, np.ones(len(points)))):
        sums[:, k] = np.bincount(inverse, column, minlength=len(cells))
    return cells, sums


def _merged(
    cells: np.ndarray, sums: np.ndarray, more: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    everything = np.concatenate([cells, *(c for c, _ in more)])
    values = np.concatenate([sums, *(s for _, s in more)])
    found, inverse = np.unique(everything, return_inverse=True)
    total = np.zeros((len(found), 7))
    for k in range(7):
        total[:, k] = np.bincount(inverse, values[:, k], minlength=len(found))
    return found, total
