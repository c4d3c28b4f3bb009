"""A room of boxes, ray cast in closed form: fast, exact, and as large as a test wants it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene
from o2recon.types import Camera, Frame

BOXES = (
    (0, (-2.0, -2.0, -0.1), (2.0, 2.0, 0.0)),
    (0, (-2.0, 1.2, 0.0), (2.0, 1.3, 2.4)),
    (0, (1.2, -2.0, 0.0), (1.3, 2.0, 2.4)),
    (1, (-0.25, -0.2, 0.35), (0.25, 0.25, 0.45)),
    (1, (-0.25, 0.17, 0.45), (0.25, 0.25, 0.9)),
    (1, (-0.22, -0.17, 0.0), (-0.1, -0.05, 0.35)),
    (1, (0.1, 0.1, 0.0), (0.22, 0.22, 0.35)),
    (2, (0.35, -0.35, 0.0), (0.65, 0.0, 0.5)),
)
"""(id, least corner, largest corner), metres: floor, two walls, a chair on two legs, a box beside it."""


class BoxRoom(Scene):
    """`num_views` cameras on an arc around the chair, 320 x 240."""

    def __init__(self, num_views: int) -> None:
        self.name, self.root, self.up = "boxes", Path("."), np.array([0.0, 0, 1])
        self.camera = Camera(np.array([[290.0, 0, 160], [0, 290, 120], [0, 0, 1]]), 320, 240)
        angles = np.linspace(-2.4, -0.8, num_views)
        self.poses = {k: looking(np.array([1.6 * np.cos(a), 1.6 * np.sin(a), 1.2])) for k, a in enumerate(angles)}
        self.labels, self.skipped, self.num_listed, self.max_bad_share = {}, {}, num_views, 0.1
        self.groundtruth = None
        self._frames = {k: self._cast(k, pose) for k, pose in self.poses.items()}

    def _cast(self, index: int, pose: np.ndarray) -> Frame:
        rays = unnormalized_rays(self.camera, pixel_centers(self.camera)) @ pose[:3, :3].T
        depth, ids = np.full(rays.shape[:2], np.inf), np.zeros(rays.shape[:2], np.int32)
        for object_id, low, high in BOXES:
            first, second = ((np.array(corner) - pose[:3, 3]) / rays for corner in (low, high))
            enter, leave = np.minimum(first, second).max(-1), np.maximum(first, second).min(-1)
            hit = (enter < leave) & (enter > 0) & (enter < depth)
            depth, ids = np.where(hit, enter, depth), np.where(hit, object_id, ids)
        depth = np.where(np.isfinite(depth), np.round(depth, 3), 0).astype(np.float32)
        return Frame(index, np.zeros((*ids.shape, 3), np.uint8), depth, ids.astype(np.int32), self.camera, pose)

    def frame(self, index: int) -> Frame:
        return replace(self._frames[index], camera_to_world=self.poses[index])

    def instance(self, index: int) -> np.ndarray:
        return self._frames[index].instance

    def label(self, index: int) -> np.ndarray:
        return self.instance(index)

    def sketches(self, object_id: int) -> dict:
        return {}

    def depth_sigma(self, z: np.ndarray) -> np.ndarray:
        return 0.002 + 0 * z

    def floor_height(self) -> float | None:
        return 0.0

    def fingerprint(self) -> str:
        return f"boxes {len(self.poses)}"


class Drifting(DerivedScene):
    """`base` with poses that walk off at random, by at most `cm` and `degrees`; on the whole they move nowhere, since
    that nobody could see."""

    def __init__(self, base: Scene, *, cm: float, degrees: float, seed: int) -> None:
        super().__init__(base, identity=f"drift {cm} {degrees} {seed}")
        walk = np.cumsum(np.random.default_rng(seed).normal(size=(len(base.indices), 6)), 0)
        walk -= walk.mean(0)
        turn, shift = (part / np.linalg.norm(part, axis=1).max() for part in (walk[:, :3], walk[:, 3:]))
        self.poses = {
            i: drifted(base.poses[i], np.radians(degrees) * t, cm / 100 * s)
            for i, t, s in zip(base.indices, turn, shift, strict=True)
        }

    def frame(self, index: int) -> Frame:
        return replace(self.base.frame(index), camera_to_world=self.poses[index])


def drifted(pose: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The camera turned about itself (rotation vector) and shifted."""
    from scipy.spatial.transform import Rotation

    result = pose.copy()
    result[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ pose[:3, :3]
    result[:3, 3] += shift
    return result


def looking(eye: np.ndarray, at: tuple[float, float, float] = (0.0, 0.0, 0.4)) -> np.ndarray:
    """Camera to world of a camera at `eye` that looks there, upright."""
    forward = np.array(at) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = eye
    return pose
