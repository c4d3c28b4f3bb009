"""A scene whose depth was made."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from o2recon.depth.floor import points_floor
from o2recon.scene.derived import DerivedScene
from o2recon.scene.floor import floor_height
from o2recon.scene.made import MadeImages
from o2recon.scene.scene import Scene
from o2recon.types import Frame

FLOOR_FRAMES = 60


@runtime_checkable
class Source(Protocol):
    """Where a scene's depth comes from. `folder`: where what is made of the whole scene may be kept."""

    needs_instances: bool
    """Object ids must be known before."""
    runs_network: bool

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene: ...


class DepthScene(DerivedScene):
    """`base` with other depth: images of millimetres in `made`, where there are any.

    Their standard deviation, as a share of z, is `deviation_share` of the notes; the sensor's own noise comes on top.
    `is_dense`: the depth shows all of the room, so that a floor may be found in it.
    """

    def __init__(self, base: Scene, made: MadeImages, *, is_dense: bool) -> None:
        super().__init__(base, identity=made.identity)
        self.has_depth = True
        self._made, self._is_dense = made, is_dense

    def make(self) -> None:
        """See DerivedScene.make."""
        super().make()
        self._made.make()

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        frame, image = self.base.frame(index), self._made.read(index)
        if image is None:
            return replace(frame, depth=np.zeros(frame.instance.shape, np.float32))
        return replace(frame, depth=(image / np.float32(1000)).astype(np.float32))

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """See Scene.depth_sigma."""
        return np.hypot(self.base.depth_sigma(z), float(self._made.notes()["deviation_share"]) * z)

    def floor_height(self) -> float | None:
        """See Scene.floor_height: from the made depth where it shows the room, else from sparse points."""
        return self._floor

    @cached_property
    def _floor(self) -> float | None:
        if not self._is_dense:
            return None if self.points is None or len(self.points) == 0 else points_floor(self.points, self.up)
        step = max(len(self.indices) // FLOOR_FRAMES, 1)
        return floor_height(self.frames(self.indices[::step]), self.up)
