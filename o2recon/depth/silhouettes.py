"""Depth without sensor and without network: every object's visual hull, seen from every frame."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.cameras import project
from o2recon.depth.hull import Carver, Outline, hulls, outlines, region
from o2recon.depth.scene import DepthScene
from o2recon.progress import track
from o2recon.scene.made import MadeImages, Write
from o2recon.scene.scene import Scene
from o2recon.types import Frame, Volume
from o2recon.volume import seen_surface
from o2recon.workspace import depth_to_millimetres

log = logging.getLogger(__name__)
BACKGROUNDS = ("behind", "unknown")
FARTHER = 1.0
"""Metres by which the background lies behind every object."""
NEAREST_BACKGROUND = 4.0
"""Metres; farther than what the floor is looked for in."""


class Silhouettes:
    """Carves every object from the masks of at most `max_frames` frames; its pixels' depth is that of the hull, an
    object at least as large as the true one.

    `background`: unlabelled pixels lie `behind` all objects, so that objects end at their masks, or are `unknown`, for
    captures in which unlabelled things stand in front. `min_frames`: with a mask of `min_pixels` pixels, for an object
    to be carved. `growth`, `carver`, `coarse_voxels` along an edge, `max_voxels`: see hull.py.
    """

    needs_instances = True
    runs_network = False

    def __init__(
        self,
        *,
        background: str,
        carver: Carver,
        min_frames: int,
        min_pixels: int,
        max_frames: int,
        growth: float,
        coarse_voxels: int,
        max_voxels: int,
    ) -> None:
        if background not in BACKGROUNDS:
            raise ValueError(f"depth.background is '{background}': choose {' or '.join(BACKGROUNDS)}")
        self.background, self.carver = background, carver
        self.min_frames, self.min_pixels, self.max_frames = min_frames, min_pixels, max_frames
        self.growth, self.coarse_voxels, self.max_voxels = growth, coarse_voxels, max_voxels

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene with this depth, made when first asked for. ValueError without object ids."""
        if not scene.has_instances:
            raise ValueError(
                f"{scene.root} has no object ids, which depth=silhouettes carves from: see instances=files"
            )
        own = {k: v for k, v in vars(self).items() if k != "carver"}
        content = ["silhouettes", scene.fingerprint(), own, vars(self.carver)]
        made = MadeImages(folder, content=content, make=lambda write: self._make(scene, write))
        return DepthScene(scene, made, is_dense=False)

    def _make(self, scene: Scene, write: Write) -> dict[str, Any]:
        found = self.hulls(scene)
        shares = []
        total = len(scene.indices)
        for frame in track(_outlined(scene, scene.indices), description="silhouettes: depth", total=total):
            depth = self._background(frame, found)
            for number, volume in found.items():
                own = frame.instance == number
                if own.any():
                    surface = seen_surface(volume, frame.camera, frame.camera_to_world, own)
                    hit = surface.depth > 0
                    depth[hit] = surface.depth[hit]
                    shares.append(volume.grid.spacing / float(np.median(surface.depth[hit])) if hit.any() else 0.0)
            write(frame.index, depth_to_millimetres(depth))
        known = [s for s in shares if s > 0]
        return {
            "deviation_share": round(0.5 * float(np.median(known)), 5) if known else 0.01,
            "hull_m3": {str(i): round(float(v.permitted.sum()) * v.grid.spacing**3, 5) for i, v in found.items()},
        }

    def hulls(self, scene: Scene) -> dict[int, Volume]:
        """The hull of every object that can be carved. ValueError when none can."""
        step = max(len(scene.indices) // self.max_frames, 1)
        chosen = scene.indices[::step]

        def frames() -> Iterator[Frame]:
            yield from track(_outlined(scene, chosen), description="silhouettes: carving", total=len(chosen))

        masks = {i: m for i, m in outlines(frames(), min_pixels=self.min_pixels).items() if self._enough(i, m)}
        starts = {i: r for i, m in masks.items() if (r := region(scene.camera, m, growth=self.growth)) is not None}
        found = hulls(frames, starts, self.carver, coarse_voxels=self.coarse_voxels, max_voxels=self.max_voxels)
        for number in sorted(set(masks) - set(found)):
            log.warning("object %d cannot be carved: its masks agree on no place", number)
        if not found:
            raise ValueError(
                f"{scene.root}: no object can be carved from its masks: each needs {self.min_pixels} pixels"
                f" in {self.min_frames} frames from different sides; check masks and poses"
            )
        return found

    def _enough(self, number: int, masks: list[Outline]) -> bool:
        if len(masks) < self.min_frames:
            log.info("object %d is not carved: masks in %d frames, %d are needed", number, len(masks), self.min_frames)
        return len(masks) >= self.min_frames

    def _background(self, frame: Frame, found: dict[int, Volume]) -> Float[np.ndarray, "height width"]:
        """z of a plane behind all objects where no object is, else 0."""
        if self.background == "unknown":
            return np.zeros(frame.instance.shape, np.float32)
        boxes = [v.grid.frame for v in found.values()]
        centers, reach = np.stack([b.center for b in boxes]), max(b.scale for b in boxes)
        _, z = project(frame.camera, frame.camera_to_world, centers)
        far = min(max(float(z.max()) + reach + FARTHER, NEAREST_BACKGROUND), 60.0)
        return np.where(frame.instance == 0, np.float32(far), np.float32(0))


def _outlined(scene: Scene, indices: tuple[int, ...]) -> Iterator[Frame]:
    """Frames with ids alone."""
    shape = (scene.camera.height, scene.camera.width)
    color, depth = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.float32)
    for index, ids in scene.each(scene.instance, indices):
        yield Frame(index, color, depth, ids, scene.camera, scene.poses[index])
