"""Depth without a sensor: a monocular network, brought to metres by sparse points and checked between views."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.depth.alignment import CONVENTIONS
from o2recon.depth.consistency import agreement, carried_depth
from o2recon.depth.features import Features
from o2recon.depth.fitting import Fit, Fitter
from o2recon.depth.maps import KEPT, RelativeDepth
from o2recon.depth.scene import DepthScene
from o2recon.depth.sparse import SparseDepth, neighbors, seen_points
from o2recon.models import Network
from o2recon.progress import track
from o2recon.scene.made import MadeImages, Write
from o2recon.scene.scene import Scene
from o2recon.workspace import depth_to_millimetres

log = logging.getLogger(__name__)
MIN_SHARE = 0.002
MOST_POINTS = 300_000
"""Of a capture; more only cost time."""
Known = Callable[[int], SparseDepth]


class NetworkDepth:
    """`network`'s map of every frame, scaled and shifted to the capture's own sparse points where it has any, else to
    points that `features` finds; frames that see too few of them to what their neighbours see.

    Kept is what at least `min_views` of `num_neighbors` other frames confirm within the share `tolerance` of z (frames
    that look within `max_angle` degrees the same way, at least `min_baseline` metres apart). `cell_px`: see
    `seen_points`. What views disagree by becomes the noise of the depth. `batch_size`: frames at once.
    """

    needs_instances = False
    runs_network = True

    def __init__(
        self,
        *,
        network: Network,
        batch_size: int,
        fitter: Fitter,
        features: Features,
        cell_px: int,
        num_neighbors: int,
        max_angle: float,
        min_baseline: float,
        tolerance: float,
        min_views: int,
    ) -> None:
        if network.convention not in CONVENTIONS:
            raise ValueError(f"depth.network gives '{network.convention}' and no depth: choose a depth network")
        self.network, self.batch_size, self.fitter, self.features = network, batch_size, fitter, features
        self.cell_px, self.num_neighbors = cell_px, num_neighbors
        self.max_angle, self.min_baseline = max_angle, min_baseline
        self.tolerance, self.min_views = tolerance, min_views

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene with this depth, made when first asked for."""
        own = {k: v for k, v in vars(self).items() if k not in ("network", "fitter", "features", "batch_size")}
        content = ["network", scene.fingerprint(), self.network.identity, own, vars(self.fitter), vars(self.features)]
        made = MadeImages(folder, content=content, make=_Making(self, scene, folder, device))
        return DepthScene(scene, made, is_dense=True)

    def near(self, scene: Scene, index: int, poses: dict[int, np.ndarray]) -> list[int]:
        """The frames that a frame is compared with."""
        count, angle = self.num_neighbors, self.max_angle
        return neighbors(index, poses, count=count, max_angle=angle, min_baseline=self.min_baseline)


class _Making:
    """Predicts, fits, checks and writes the depth of all frames."""

    def __init__(self, source: NetworkDepth, scene: Scene, folder: Path, device: str) -> None:
        self._source, self._scene, self._device = source, scene, device
        self._maps = RelativeDepth(scene, source.network, folder)
        self._fits: dict[int, Fit] = {}

    def __call__(self, write: Write) -> dict[str, Any]:
        source, scene = self._source, self._scene
        self._maps.predict(batch_size=source.batch_size, device=self._device)
        known, origin = self._known()
        for index in track(scene.indices, description="depth: fitting"):
            fit = source.fitter(self._maps.read(index), known(index), convention=source.network.convention)
            if fit is not None:
                self._fits[index] = fit
        if not self._fits:
            raise ValueError(self._no_fit(known, origin))
        fitted = len(self._fits)
        self._fit_others()
        lost = [i for i in scene.indices if i not in self._fits]
        if lost:
            log.warning(
                "depth: %d of %d frames fit nothing and have none, such as %d", len(lost), len(scene.indices), lost[0]
            )
        kept, share = self._write(write)
        log.info(
            "depth: %d frames by %s, %d by other frames; views differ by %.1f %%, %.0f %% of the pixels confirmed",
            fitted,
            origin,
            len(self._fits) - fitted,
            100 * share,
            100 * kept,
        )
        return {
            "points": origin,
            "frames_by_points": fitted,
            "frames_by_neighbors": len(self._fits) - fitted,
            "frames_without_depth": len(lost),
            "deviation_share": share,
            "confirmed_share": round(kept, 4),
        }

    def _known(self) -> tuple[Known, str]:
        """Sparse depth of every frame, and where it comes from."""
        scene, points, cell = self._scene, self._scene.points, self._source.cell_px
        if points is not None and len(points):
            some = points[:: len(points) // MOST_POINTS + 1]
            return lambda i: seen_points(some, scene.camera, scene.poses[i], cell_px=cell), "sparse points"
        log.info("%s has no sparse points: features are matched between frames", scene.name)
        found, nothing = self._source.features(scene), SparseDepth.joined([])
        return lambda i: found.get(i, nothing), "matched features"

    def _fit_others(self) -> None:
        """Frames that saw too few points, nearest to fitted ones first, by what those see there."""
        source, scene = self._source, self._scene
        while True:
            fitted = {i: scene.poses[i] for i in self._fits if i in scene.poses}
            before = len(self._fits)
            for index in [i for i in scene.indices if i not in self._fits]:
                near = source.near(scene, index, fitted | {index: scene.poses[index]})
                pixels, z = carried_depth(index, near, self._depth, scene.camera, scene.poses, stride=8)
                fit = source.fitter(
                    self._maps.read(index), SparseDepth(pixels, z), convention=source.network.convention
                )
                if fit is not None:
                    self._fits[index] = fit
            if len(self._fits) == before:
                return

    def _write(self, write: Write) -> tuple[float, float]:
        """Confirmed depth of all fitted frames; the share that is confirmed and by how much views differ (of z)."""
        source, scene = self._source, self._scene
        poses = {i: scene.poses[i] for i in self._fits if i in scene.poses}
        depth = lru_cache(maxsize=KEPT)(self._depth)
        errors, kept, total = [], 0, 0
        for index in track(sorted(poses), description="depth: comparing views"):
            near = source.near(scene, index, poses)
            found = agreement(index, near, depth, scene.camera, poses, tolerance=source.tolerance)
            sure = found.confirmed(min_views=source.min_views)
            write(index, depth_to_millimetres(np.where(sure, depth(index), 0)))
            errors.append(found.errors)
            kept, total = kept + int(sure.sum()), total + sure.size
        values = np.abs(np.concatenate(errors)) if errors else np.zeros(0)
        if kept == 0:
            raise ValueError(
                f"{scene.root}: views confirm none of the network's depth (depth.tolerance {source.tolerance:g}): check"
                " the poses, try another network, or carve from masks alone (depth=silhouettes)"
            )
        share = 1.4826 * float(np.median(values)) / np.sqrt(2) if len(values) else source.tolerance
        return kept / max(total, 1), max(round(share, 5), MIN_SHARE)

    def _depth(self, index: int) -> Float[np.ndarray, "height width"]:
        return self._fits[index].depth(self._maps.read(index))

    def _no_fit(self, known: Known, origin: str) -> str:
        most = max((len(known(i)) for i in self._scene.indices), default=0)
        return (
            f"{self._scene.root}: the network's depth fits the {origin} of no frame (at most {most} in one, at least"
            f" {self._source.fitter.min_points} are needed): check the poses, try another network, or depth=silhouettes"
        )
