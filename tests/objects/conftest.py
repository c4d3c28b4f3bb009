"""Scenes that live in memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from o2recon.scene import DamagedFrame, Label, Scene
from o2recon.types import Camera, Frame

CAMERA = Camera(np.array([[120.0, 0, 50], [0, 120, 50], [0, 0, 1]]), 100, 100)
LABELS = {
    1: Label(1, "wall", 1),
    2: Label(2, "stack of chairs", 5),
    4: Label(4, "table", 7),
    96: Label(96, "thing", 40),
}


class MemoryScene(Scene):
    """Frames given as arrays; `damaged` ones fail when they are read."""

    def __init__(
        self, frames: list[Frame], labels: list[np.ndarray], *, floor: float | None, damaged: set[int]
    ) -> None:
        self.name, self.root, self.camera, self.up = "memory", Path("memory"), CAMERA, np.array([0.0, 0, 1])
        self.poses = {f.index: f.camera_to_world for f in frames}
        self.labels, self.skipped, self.num_listed, self.max_bad_share = LABELS, {}, len(frames), 0.5
        self.groundtruth = None
        self._frames = {f.index: f for f in frames}
        self._labels = dict(zip(self._frames, labels, strict=True))
        self._floor, self._damaged = floor, damaged

    def frame(self, index: int) -> Frame:
        if index in self._damaged:
            raise DamagedFrame(f"frame {index} is damaged")
        return self._frames[index]

    def instance(self, index: int) -> np.ndarray:
        return self.frame(index).instance

    def label(self, index: int) -> np.ndarray:
        return self._labels[index]

    def sketches(self, object_id: int) -> dict[int, np.ndarray]:
        return {}

    def depth_sigma(self, z: np.ndarray) -> np.ndarray:
        return 0.001 + 0 * z

    def floor_height(self) -> float | None:
        return self._floor

    def fingerprint(self) -> str:
        return "memory"


@pytest.fixture(scope="session")
def scene_of() -> Callable[..., MemoryScene]:
    """scene_of(instances, labels, depth=metres, poses=..., floor=..., damaged=...) from lists of images."""

    def build(
        instances: list[np.ndarray],
        labels: list[np.ndarray] | None = None,
        *,
        depth: float = 0.0,
        poses: list[np.ndarray] | None = None,
        floor: float | None = None,
        damaged: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> MemoryScene:
        frames = [
            Frame(
                index=i,
                color=np.zeros((*ids.shape, 3), np.uint8),
                depth=np.full(ids.shape, depth, np.float32),
                instance=ids,
                camera=CAMERA,
                camera_to_world=np.eye(4) if poses is None else poses[i],
            )
            for i, ids in enumerate(instances)
        ]
        return MemoryScene(frames, labels or [np.zeros_like(i) for i in instances], floor=floor, damaged=damaged)

    return build
