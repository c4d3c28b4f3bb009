"""The path of a hand-held camera around furniture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from o2recon.scene.synth.layout import Placed

FURNITURE_CLEARANCE = 0.4
"""Metres that the camera keeps from every piece's box."""
WALL_CLEARANCE = 0.3


def look_at(
    position: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"], roll: float = 0.0
) -> Float[np.ndarray, "4 4"]:
    """camera_to_world (OpenCV axes) of a camera that looks at `target`, rolled about its view direction (radians)."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    pose = np.eye(4)
    pose[:3, 0] = np.cos(roll) * right + np.sin(roll) * down
    pose[:3, 1] = np.cos(roll) * down - np.sin(roll) * right
    pose[:3, 2] = forward
    pose[:3, 3] = position
    return pose


def hand_held(
    placed: Sequence[Placed],
    room_size: Sequence[float | int],
    *,
    num_views: int,
    arc: float | int,
    distance: float | int,
    height: Sequence[float | int],
    seed: int,
) -> Float[np.ndarray, "views 4 4"]:
    """Poses of a walk along an arc of `arc` degrees around the scored furniture, `distance` metres from its middle, at
    a `height` between two bounds. The view wanders from piece to piece; position, view and roll shake slowly."""
    rng = np.random.default_rng([seed, 3])
    boxes = np.array([p.mesh.bounds for p in placed])
    scored = boxes[[p.instance > 0 for p in placed]]
    middle = np.array([*scored[:, :, :2].reshape(-1, 2).mean(0), 0.45])
    angle = np.deg2rad(arc) * np.linspace(-0.5, 0.5, num_views)
    reach = distance * (1 + 0.12 * np.sin(np.linspace(0, 5, num_views) + rng.uniform(0, 6)))
    low, high = height
    level = low + (high - low) * (0.5 + 0.5 * np.sin(np.linspace(0, 9, num_views) + rng.uniform(0, 6)))
    positions = np.stack([middle[0] + reach * np.sin(angle), middle[1] - reach * np.cos(angle), level], 1)
    positions = _kept_clear(positions + _shake(rng, num_views, 3, 0.03), boxes, np.asarray(room_size, float))
    targets = _wandering(scored, middle, num_views, rng) + _shake(rng, num_views, 3, 0.05)
    rolls = _shake(rng, num_views, 1, 0.03)[:, 0]
    return np.stack([look_at(p, t, float(r)) for p, t, r in zip(positions, targets, rolls, strict=True)])


def _shake(rng: np.random.Generator, count: int, channels: int, size: float) -> Float[np.ndarray, "views channels"]:
    smooth = gaussian_filter1d(rng.normal(size=(count + 16, channels)), 1.5, axis=0)[8 : 8 + count]
    return size * smooth / 0.43


def _wandering(
    boxes: Float[np.ndarray, "objects 2 3"], middle: Float[np.ndarray, "3"], count: int, rng: np.random.Generator
) -> Float[np.ndarray, "views 3"]:
    """A smooth line through the middles of the pieces in random order, pulled halfway to the common middle."""
    stops = np.concatenate([rng.permutation(len(boxes)) for _ in range(3)])
    along = np.linspace(0, len(stops) - 1, count)
    centers = boxes.mean(1)[stops]
    line = np.stack([np.interp(along, np.arange(len(stops)), centers[:, axis]) for axis in range(3)], 1)
    return 0.5 * gaussian_filter1d(line, count / 24, axis=0, mode="nearest") + 0.5 * middle


def _kept_clear(
    positions: Float[np.ndarray, "views 3"], boxes: Float[np.ndarray, "objects 2 3"], room: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "views 3"]:
    """Positions inside the room and away from all boxes: pushed towards the front wall where they are too near."""
    positions = positions.copy()
    for _ in range(100):
        positions = np.clip(positions, WALL_CLEARANCE, room - WALL_CLEARANCE)
        gap = np.maximum(np.maximum(boxes[None, :, 0] - positions[:, None], positions[:, None] - boxes[None, :, 1]), 0)
        near = (np.linalg.norm(gap, axis=2) < FURNITURE_CLEARANCE).any(1)
        if not near.any():
            return positions
        positions[near, 1] -= 0.04
        positions[near, 0] += 0.02 * np.sign(room[0] / 2 - positions[near, 0])
    raise ValueError("no camera path keeps clear of the furniture: enlarge synth.room_size or list fewer objects")
