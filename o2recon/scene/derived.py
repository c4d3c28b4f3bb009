"""A scene made from another one: the same frames and poses, with something of them replaced."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.scene.scene import Scene, Value
from o2recon.types import Frame


class DerivedScene(Scene):
    """`base`, but for what a subclass replaces. A frame that one of the two skips is skipped by both.

    `identity`: what decides the result beside `base` itself.
    """

    def __init__(self, base: Scene, *, identity: str) -> None:
        self.base, self.identity = base, identity
        self.name, self.root, self.camera, self.up = base.name, base.root, base.camera, base.up
        self.poses, self.labels, self.skipped = base.poses, base.labels, base.skipped
        self.num_listed, self.max_bad_share, self.groundtruth = base.num_listed, base.max_bad_share, base.groundtruth
        self.has_depth, self.has_instances = base.has_depth, base.has_instances
        self.points, self.capture_to_world = base.points, base.capture_to_world

    def make(self) -> None:
        """Make now what is made of the whole scene and is not there yet; frames are asked for by several threads."""
        if isinstance(self.base, DerivedScene):
            self.base.make()

    def each(self, read: Callable[[int], Value], indices: Iterable[int] | None = None) -> Iterator[tuple[int, Value]]:
        """See Scene.each."""
        self.make()
        yield from super().each(read, indices)

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        return self.base.frame(index)

    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.instance."""
        return self.base.instance(index)

    def label(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.label."""
        return self.base.label(index)

    def sketches(self, object_id: int) -> dict[int, Bool[np.ndarray, "height width"]]:
        """See Scene.sketches."""
        return self.base.sketches(object_id)

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """See Scene.depth_sigma."""
        return self.base.depth_sigma(z)

    def floor_height(self) -> float | None:
        """See Scene.floor_height."""
        return self.base.floor_height()

    def fingerprint(self) -> str:
        """See Scene.fingerprint."""
        return f"{self.base.fingerprint()} {self.identity}"
