"""A scene whose depth was made, and the choice that keeps the sensor's."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float

from o2recon.scene.derived import DerivedScene, has_depth
from o2recon.scene.floor import floor_height
from o2recon.scene.scene import Scene
from o2recon.types import Frame

FLOOR_FRAMES = 60


class Source(Protocol):
    """Where a scene's depth comes from. `folder`: where what is made of the whole scene may be kept."""

    needs_instances: bool
    """Object ids must be known before."""

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene: ...


class DepthScene(DerivedScene):
    """`base` with other depth: `depth` gives that of a frame (z, metres, 0 = none) on the working grid.

    `share`: standard deviation of the depth as a share of it, known when asked for; the sensor's own noise comes on
    top. `floor`: height of the floor in metres, where it is known better than from the depth; see `floor_height`.
    """

    def __init__(
        self,
        base: Scene,
        *,
        depth: Callable[[int], Float[np.ndarray, "height width"]],
        share: Callable[[], float],
        identity: str,
        is_dense: bool = True,
    ) -> None:
        super().__init__(base, identity=identity)
        self.has_depth = True
        self._depth, self._share, self._is_dense = depth, share, is_dense

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        return replace(self.base.frame(index), depth=self._depth(index))

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """See Scene.depth_sigma."""
        return np.hypot(self.base.depth_sigma(z), self._share() * z)

    def floor_height(self) -> float | None:
        """See Scene.floor_height: from the made depth."""
        return self._floor

    @cached_property
    def _floor(self) -> float | None:
        if not self._is_dense:
            return None
        step = max(len(self.indices) // FLOOR_FRAMES, 1)
        return floor_height(self.frames(self.indices[::step]), self.up)


class Given:
    """The capture's own depth."""

    needs_instances = False

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene itself. ValueError when the capture has no depth."""
        if not has_depth(scene):
            raise ValueError(
                f"{scene.root} has no depth: let a network estimate it (depth=network depth.network.model=ID or FOLDER)"
                " or carve from the masks alone (depth=silhouettes)"
            )
        return scene
