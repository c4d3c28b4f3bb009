"""Points for a COLMAP model, and which of them each image sees."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from o2recon.cameras import inside_image, pixel_centers, project, unproject
from o2recon.scene.scene import Scene
from o2recon.types import Frame

AGREEMENT = 0.05
"""A point is seen where measured depth differs from its own by less than this share."""
LONGEST_TRACK = 20
"""Images that see a point, as far as they are written down."""


@dataclass(frozen=True)
class Observations:
    """What one image sees: where (pixel centres at +0.5), and the numbers of the points there."""

    pixels: Float[np.ndarray, "seen 2"]
    points: Int[np.ndarray, "seen"]


class Cloud:
    """Points in the world, metres, numbered from 1; made of the scene's own, or frame by frame of its depth."""

    def __init__(self, positions: Float[np.ndarray, "points 3"], *, per_frame: int, has_depth: bool) -> None:
        self.positions = positions
        self.colors: UInt8[np.ndarray, "points 3"] = np.full((len(positions), 3), 128, np.uint8)
        self._per_frame, self._has_depth = per_frame, has_depth
        self._tracks = np.zeros(len(positions), int)
        self._made: list[tuple[np.ndarray, np.ndarray]] = []

    @classmethod
    def of(cls, scene: Scene, points: int) -> "Cloud":
        """The scene's sparse points; without any, about `points` of its depth."""
        if scene.points is not None and len(scene.points):
            return cls(np.asarray(scene.points, float), per_frame=0, has_depth=scene.has_depth)
        per_frame = -(-points // max(len(scene.indices), 1)) if scene.has_depth else 0
        return cls(np.zeros((0, 3)), per_frame=per_frame, has_depth=scene.has_depth)

    def seen(self, frame: Frame) -> Observations:
        """What this frame sees; with `per_frame` its own new points."""
        return self._new(frame) if self._per_frame else self._known(frame)

    def numbered(self, seen: list[Observations]) -> list[Observations]:
        """The observations of all frames once all were seen: from then on `positions` and `colors` are complete."""
        if self._made:
            self.positions = np.concatenate([positions for positions, _ in self._made])
            self.colors = np.concatenate([colors for _, colors in self._made])
        return seen

    def _known(self, frame: Frame) -> Observations:
        pixels, z = project(frame.camera, frame.camera_to_world, self.positions)
        kept = np.flatnonzero(inside_image(frame.camera, pixels, z) & (self._tracks < LONGEST_TRACK))
        column, row = np.floor(pixels[kept]).astype(int).T
        if self._has_depth:
            near = np.abs(frame.depth[row, column] - z[kept]) < AGREEMENT * z[kept]
            kept, column, row = kept[near], column[near], row[near]
        self._tracks[kept] += 1
        self.colors[kept] = frame.color[row, column]
        return Observations(pixels[kept], kept + 1)

    def _new(self, frame: Frame) -> Observations:
        valid = np.flatnonzero(frame.depth.ravel() > 0)
        chance = np.random.default_rng(frame.index)
        chosen = chance.choice(valid, min(self._per_frame, len(valid)), replace=False)
        pixels = pixel_centers(frame.camera).reshape(-1, 2)[chosen]
        depth = frame.depth.ravel()[chosen].astype(float)
        first = sum(len(positions) for positions, _ in self._made) + 1
        self._made.append(
            (unproject(frame.camera, frame.camera_to_world, pixels, depth), frame.color.reshape(-1, 3)[chosen])
        )
        return Observations(pixels, np.arange(first, first + len(chosen)))
