"""The tiny room without its depth, sparse points of it, and a network that knows the depth up to scale and shift."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float

from o2recon.cameras import pixel_centers, unproject
from o2recon.scene import RecordedScene, Scene
from o2recon.scene.derived import DerivedScene
from o2recon.scene.readers import ScanNetReader
from o2recon.types import Frame


class Blind(DerivedScene):
    """A scene without depth, perhaps with sparse points."""

    def __init__(self, base: Scene, points: Float[np.ndarray, "points 3"] | None = None) -> None:
        super().__init__(base, identity=f"blind {0 if points is None else len(points)}")
        self.has_depth, self.points = False, points

    def frame(self, index: int) -> Frame:
        frame = self.base.frame(index)
        return replace(frame, depth=np.zeros_like(frame.depth))

    def floor_height(self) -> None:
        return None


class Oracle:
    """Inverse depth of the sensor, holes filled, times and plus something else in every picture; bent by `bend`."""

    convention = "inverse"
    obstacle = None

    def __init__(self, scene: Scene, bend: float = 0.0) -> None:
        self.scene, self.bend, self.identity, self.calls = scene, bend, f"oracle {bend}", 0
        self._index = {frame.color.tobytes(): frame.index for frame in scene.frames()}

    def __call__(self, images: Sequence[np.ndarray], *, device: str) -> list[np.ndarray]:
        self.calls += 1
        return [self._map(self._index[image.tobytes()]) for image in images]

    def _map(self, index: int) -> np.ndarray:
        depth = self.scene.frame(index).depth
        _, nearest = cv2.distanceTransformWithLabels(
            (depth <= 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        values = np.zeros(int(nearest.max()) + 1)
        values[nearest[depth > 0]] = depth[depth > 0]
        scale, shift = np.random.default_rng(index).uniform([1, -0.5], [5, 2])
        v, u = np.mgrid[0 : depth.shape[0], 0 : depth.shape[1]] / depth.shape[1]
        return (scale * (1 + self.bend * np.sin(4 * u + index) * np.cos(3 * v)) / values[nearest] + shift).astype(
            np.float32
        )

    def release(self) -> None:
        pass


def sample_points(scene: Scene, count: int, *, noise: float, seed: int = 0) -> np.ndarray:
    """World points that some frame measured."""
    generator, found = np.random.default_rng(seed), []
    for frame in scene.frames():
        row, column = np.nonzero(frame.depth > 0)
        k = generator.choice(len(row), count // len(scene.indices), replace=False)
        at = pixel_centers(frame.camera)[row[k], column[k]]
        found.append(unproject(frame.camera, frame.camera_to_world, at, frame.depth[row[k], column[k]].astype(float)))
    points = np.concatenate(found)
    return np.asarray(points + generator.normal(0, noise, points.shape))


class RoomOracle(Oracle):
    """The same from a config: `truth` is a scan in ScanNet's layout with the same pictures."""

    def __init__(self, *, truth: str, bend: float = 0.0, **_: object) -> None:
        scene = RecordedScene(
            root=truth,
            reader=ScanNetReader(),
            frame_skip=1,
            max_bad_share=0.1,
            depth_scale=0.001,
            depth_noise=[0.0012, 0.0019, 0.4],
            sketches=None,
            up="auto",
            scale=1.0,
            width=None,
            pose="camera_to_world",
            axes="opencv",
            color_offset=None,
            ids_on="auto",
        )
        super().__init__(scene, bend)
