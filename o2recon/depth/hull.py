"""Visual hulls: where each object can be, given nothing but its masks (Laurentini 1994)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

from o2recon.cameras import unnormalized_rays
from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import Camera, Frame, ObjectFrame, Volume, VoxelGrid
from o2recon.volume.projection import project_grid

Frames = Callable[[], Iterable[Frame]]
"""The frames anew, each time; of them only ids and camera count."""
ROUNDS = 10
MASK_PERCENTILE = 80
INSIDE, BESIDE, COVERED = 0, 1, 2
"""What a mask says of a voxel: it may be the object, it is not, or another object may be in front."""


@dataclass(frozen=True)
class Outline:
    """One mask: centre and half the diagonal of its box, pixels; `cut` by the image's border."""

    pose: Float[np.ndarray, "4 4"]
    center: Float[np.ndarray, "2"]
    radius: float
    cut: bool


def outlines(frames: Iterable[Frame], *, min_pixels: int) -> dict[int, list[Outline]]:
    """All masks of at least `min_pixels` pixels, by object."""
    found: dict[int, list[Outline]] = {}
    for frame in frames:
        ids, counts = np.unique(frame.instance, return_counts=True)
        for number in ids[(ids > 0) & (counts >= min_pixels)]:
            x, y, width, height = cv2.boundingRect((frame.instance == number).astype(np.uint8))
            cut = x == 0 or y == 0 or x + width == frame.camera.width or y + height == frame.camera.height
            outline = Outline(
                frame.camera_to_world,
                np.array([x + width / 2, y + height / 2]),
                float(np.hypot(width, height)) / 2,
                cut,
            )
            found.setdefault(int(number), []).append(outline)
    return found


def region(camera: Camera, masks: list[Outline], *, growth: float) -> ObjectFrame | None:
    """A cube around the point where the rays through the masks' centres come nearest, `growth` times as large as the
    masks say there. None when the rays do not meet before the cameras. Masks that the border cuts count least."""
    centers = np.stack([m.center for m in masks])
    rays = unnormalized_rays(camera, centers)
    directions = np.stack([m.pose[:3, :3] @ r for m, r in zip(masks, rays, strict=True)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = np.stack([m.pose[:3, 3] for m in masks])
    across = np.eye(3) - directions[:, :, None] * directions[:, None]
    prior = np.array([0.1 if m.cut else 1.0 for m in masks])
    weight, point = prior, np.zeros(3)
    for _ in range(ROUNDS):
        matrix = np.einsum("n,nij->ij", weight, across)
        if np.linalg.cond(matrix) > 1e6:
            return None
        point = np.linalg.solve(matrix, np.einsum("n,nij,nj->i", weight, across, origins))
        off = np.linalg.norm(np.einsum("nij,nj->ni", across, point - origins), axis=1)
        weight = prior / np.maximum(off, 0.05)
    z = np.array([(m.pose[:3, :3].T @ (point - m.pose[:3, 3]))[2] for m in masks])
    if (z > 0).mean() < 0.5:
        return None
    radii = [m.radius * d / camera.intrinsics[0, 0] for m, d in zip(masks, z, strict=True) if d > 0]
    half = growth * float(np.percentile(radii, MASK_PERCENTILE))
    return ObjectFrame(point, np.eye(3), np.full(3, half))


class Carver:
    """Votes of masks on the voxels of several objects' grids, frame after frame.

    A voxel is left when it projects into the object's mask in at least two frames; beside it, on no other object, in at
    most the share `max_out` of the frames that see the one or the other; and into it or onto another object, which may
    cover it, in at least `min_seen` times as many frames as its best voxels. Masks are `slack_px` wider than they are.
    """

    def __init__(self, *, max_out: float, min_seen: float, slack_px: int) -> None:
        self.max_out, self.min_seen, self.slack_px = max_out, min_seen, slack_px

    def __call__(self, frames: Iterable[Frame], grids: Mapping[int, VoxelGrid]) -> dict[int, Bool[np.ndarray, "x y z"]]:
        """What is left of every object: its largest connected part."""
        votes = {number: np.zeros((3, *grid.shape), np.int16) for number, grid in grids.items()}
        kernel = np.ones((2 * self.slack_px + 1,) * 2, np.uint8)
        for frame in frames:
            empty = frame.instance.ravel() == 0
            for number, grid in grids.items():
                own = cv2.dilate((frame.instance == number).astype(np.uint8), kernel).ravel() > 0
                said = np.append(np.where(own, INSIDE, np.where(empty, BESIDE, COVERED)), -1).astype(np.int8)
                vote = said[project_grid(grid, frame).pixel]  # -1, outside the image, is the last one
                for kind in (INSIDE, BESIDE, COVERED):
                    votes[number][kind] += vote == kind
        return {number: self._left(*votes[number]) for number in grids}

    def _left(
        self,
        inside: Int[np.ndarray, "x y z"],
        beside: Int[np.ndarray, "x y z"],
        covered: Int[np.ndarray, "x y z"],
    ) -> Bool[np.ndarray, "x y z"]:
        left = (inside >= 2) & (beside <= self.max_out * (inside + beside))
        if not left.any():
            return left
        possible = inside + covered
        left &= possible >= self.min_seen * np.percentile(possible[left], 95)
        parts, count = label(left)
        if count > 1:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            left = parts == sizes.argmax()
        return left


def hulls(
    frames: Frames, starts: Mapping[int, ObjectFrame], carver: Carver, *, coarse_voxels: int, max_voxels: int
) -> dict[int, Volume]:
    """Every object's hull as a volume: carved coarsely in its start cube, then finely in the box of what was left.
    Objects of which nothing is left are absent."""
    grids = {i: grid_over(cube, 2 * float(cube.half_extents[0]) / coarse_voxels) for i, cube in starts.items()}
    boxes = {}
    for number, left in carver(frames(), grids).items():
        if left.any():
            centers = voxel_centers(grids[number])[left]
            low, high = centers.min(0) - 1.5 * grids[number].spacing, centers.max(0) + 1.5 * grids[number].spacing
            boxes[number] = ObjectFrame((low + high) / 2, np.eye(3), (high - low) / 2)
    fine = {i: grid_over(b, float((8 * np.prod(b.half_extents) / max_voxels) ** (1 / 3))) for i, b in boxes.items()}
    carved = carver(frames(), fine)
    return {i: _volume(grid, carved[i]) for i, grid in fine.items() if carved[i].any()}


def _volume(grid: VoxelGrid, left: Bool[np.ndarray, "x y z"]) -> Volume:
    padded = np.pad(left, 1)
    apart = np.where(padded, 0.5 - distance_transform_edt(padded), distance_transform_edt(~padded) - 0.5)
    sdf = gaussian_filter(apart.astype(np.float32), 0.7)[1:-1, 1:-1, 1:-1] * np.float32(grid.spacing)
    return Volume(grid, left, sdf.astype(np.float32), np.zeros(grid.shape, np.float32))
