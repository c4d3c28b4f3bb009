"""A scene made from another one: the same frames and poses, with something of them replaced."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.scene.scene import Scene
from o2recon.types import Frame


class DerivedScene(Scene):
    """`base`, but for what a subclass replaces. A frame that one of the two skips is skipped by both.

    `fingerprint`: what decides the result beside `base` itself.
    """

    def __init__(self, base: Scene, *, identity: str) -> None:
        self.base, self.identity = base, identity
        self.name, self.root, self.camera, self.up = base.name, base.root, base.camera, base.up
        self.poses, self.labels, self.skipped = base.poses, base.labels, base.skipped
        self.num_listed, self.max_bad_share, self.groundtruth = base.num_listed, base.max_bad_share, base.groundtruth
        self.has_depth, self.has_instances = has_depth(base), has_instances(base)
        self.points, self.capture_to_world = points_of(base), capture_to_world(base)

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


def has_depth(scene: Scene) -> bool:
    """The capture has depth images."""
    return bool(getattr(scene, "has_depth", True))


def has_instances(scene: Scene) -> bool:
    """The capture has object ids."""
    return bool(getattr(scene, "has_instances", True))


def points_of(scene: Scene) -> Float[np.ndarray, "points 3"] | None:
    """Sparse points of the capture, world metres; None where there are none."""
    points = getattr(scene, "points", None)
    return None if points is None or len(points) == 0 else points


def capture_to_world(scene: Scene) -> Float[np.ndarray, "4 4"]:
    """Similarity from the capture's own world to ours (metres, +z up)."""
    return np.asarray(getattr(scene, "capture_to_world", np.eye(4)), float)


def scene_folder(work: str | Path, scene: Scene) -> Path:
    """`<work>/<scene>`: what is made of the whole scene lies there, beside its prepared objects."""
    return Path(work) / scene.name
