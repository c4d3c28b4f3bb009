"""The in-painting stage: colour, depth and normals of the hidden parts, each pixel with its confidence."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.inpaint.agreement import agreements, mean_difference
from o2recon.inpaint.canvas import COPIED, NOTHING, PHOTOGRAPHED, WARPED, Canvas
from o2recon.inpaint.consistency import Consistency
from o2recon.inpaint.depth import DepthCompletion
from o2recon.inpaint.geometry import complete_geometry, replaced_geometry
from o2recon.inpaint.painter import Painter
from o2recon.inpaint.painting import Painting
from o2recon.inpaint.preferred import Preferred
from o2recon.inpaint.prompt import Prompt
from o2recon.inpaint.reproject import Reproject
from o2recon.inpaint.sources import SourceView, source_view
from o2recon.inpaint.writing import write_canvases
from o2recon.masks import crop_camera, object_crop
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import ObjectRecord, ViewRecord, Volume
from o2recon.volume import seen_surface
from o2recon.workspace import ObjectFolder, read_image

logger = logging.getLogger(__name__)


class Inpaint:
    """Writes inpainted/{image,depth,normal,confidence,origin}; visible pixels stay as they were photographed.

    First `reproject` copies what other views saw (None: nothing is copied), then `painter` paints the rest of the
    hidden pixels (None: they keep confidence 0), view after view as `consistency` says (None: every view by itself).
    At last `depth` may replace the completed depth where nothing was observed. `edge_px`: colours this near to the
    mask's edge are no example for the painter. `observed_evidence`: from here on the completed surface counts as
    observed.
    """

    def __init__(
        self,
        *,
        reproject: Reproject | None,
        painter: Painter | Preferred | None,
        consistency: Consistency | None,
        depth: DepthCompletion | None,
        prompt: Prompt,
        edge_px: int,
        observed_evidence: float,
        crop_margin_px: int,
        seed: int,
    ) -> None:
        self.reproject = reproject
        self.painter = painter
        self.consistency = consistency
        self.depth = depth
        self.prompt = prompt
        self.edge_px = edge_px
        self.observed_evidence = observed_evidence
        self.crop_margin_px = crop_margin_px
        self.seed = seed
        self._device, self._run_seed = "cpu", 0
        self._runs: Painter | None = None

    def on(self, device: str, *, seed: int) -> "Inpaint":
        """Settle what runs on this device, for a run with this seed; returns itself."""
        self._device, self._run_seed = device, seed
        self._runs = None if self.painter is None else self.painter.on(device)
        return self

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """What decides the result beside config and files: the painter that runs, and the run's seed if it draws."""
        painter = self._settled()
        if painter is None:
            return {}
        return {"painter": f"{painter.name}, seed {self._run_seed}" if painter.draws else painter.name}

    @property
    def name(self) -> str:
        """What runs, for logs and result files: 'reproject+telea', 'none' ..."""
        painter = self._settled()
        parts = ["reproject"] if self.reproject else []
        return "+".join(parts + ([painter.name] if painter else [])) or "none"

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: the in-painter that ran, the shares of all hidden pixels that were copied and painted, and by how much
        the painted pixels of different views disagree (grey levels; `alone`: had every view been painted by itself)."""
        logger.info("in-painter: %s", self.name)
        if isinstance(self.painter, Preferred) and self.painter.obstacle:
            logger.info("in-painting without diffusion: %s", self.painter.obstacle)
        record, volume = folder.read_record(), folder.read_volume()
        sources = [self._source(folder, v) for v in record.views]
        gains = self._gains(scene, sources)
        canvases = [
            self._canvas(folder, record, volume, view, source)
            for view, source in zip(track(record.views, description="in-painting: surface"), sources, strict=True)
        ]
        self._copy(scene, canvases, sources, gains)
        differences = self._paint(scene, folder, record, canvases, [s.color for s in sources], gains)
        write_canvases(folder, canvases, [s.color for s in sources])
        return self._notes(canvases, gains) | differences

    def _settled(self) -> Painter | None:
        if self._runs is None and self.painter is not None:
            self.on(self._device, seed=self._run_seed)
        return self._runs

    def _source(self, folder: ObjectFolder, view: ViewRecord) -> SourceView:
        return source_view(
            view,
            np.ascontiguousarray(read_image(folder.image("images", view.index))),
            folder.read_depth("depth", view.index),
            folder.read_mask("masks/visible", view.index),
            erode_px=self.reproject.erode_px if self.reproject else 0,
        )

    def _gains(self, scene: Scene, sources: Sequence[SourceView]) -> Float[np.ndarray, "views 3"]:
        copier = self.reproject or (self.consistency.warp if self.consistency else None)
        if copier is None:
            return np.ones((len(sources), 3))
        return copier.gains(sources, scene.depth_sigma, seed=self.seed)

    def _canvas(
        self, folder: ObjectFolder, record: ObjectRecord, volume: Volume, view: ViewRecord, photo: SourceView
    ) -> Canvas:
        visible, hidden = (folder.read_mask(f"masks/{k}", view.index) for k in ("visible", "hidden"))
        crop = object_crop(
            record.frame, view.camera, view.camera_to_world, visible | hidden, margin_px=self.crop_margin_px
        )
        here = crop.window
        visible, hidden = visible[here], hidden[here] & ~visible[here]
        sensor = photo.depth[here]
        lost = visible & (sensor <= 0)
        surface = seen_surface(volume, crop_camera(view.camera, crop), view.camera_to_world, hidden | lost)
        stand_in = lost & (surface.evidence >= self.observed_evidence)
        geometry = complete_geometry(
            np.where(stand_in, surface.depth, sensor),
            visible,
            hidden,
            surface.depth,
            surface.normal,
            np.where(hidden, sensor, 0),
        )
        fused = hidden & (surface.evidence >= self.observed_evidence) & (geometry.depth == surface.depth)
        origin = np.where(visible, PHOTOGRAPHED, NOTHING).astype(np.uint8)
        image = np.ascontiguousarray(photo.color[here]).copy()
        sure, nearest = visible.astype(np.float32), np.where(hidden, sensor, 0).astype(np.float32)
        return Canvas(view, crop, visible, hidden, fused, nearest, geometry, image, sure, origin)

    def _copy(
        self,
        scene: Scene,
        canvases: Sequence[Canvas],
        sources: Sequence[SourceView],
        gains: Float[np.ndarray, "views 3"],
    ) -> None:
        """What other views' photographs show of the hidden surface."""
        if self.reproject is None:
            return
        for k, canvas in enumerate(track(canvases, description="in-painting: copying")):
            ask = canvas.hidden & (canvas.geometry.depth > 0)
            if ask.any():
                others = [s for i, s in enumerate(sources) if i != k]
                points, normals = canvas.points(ask)
                found = self.reproject(points, normals, gains[k], others, np.delete(gains, k, 0), scene.depth_sigma)
                canvas.put(ask, found.color, found.confidence, COPIED)

    def _paint(
        self,
        scene: Scene,
        folder: ObjectFolder,
        record: ObjectRecord,
        canvases: Sequence[Canvas],
        photos: Sequence[UInt8[np.ndarray, "height width 3"]],
        gains: Float[np.ndarray, "views 3"],
    ) -> dict[str, Any]:
        """Paint what is left in every view, and complete its depth; returns the differences for the notes."""
        painter, prompt, found = self._settled(), self.prompt(record.category), {}
        seed = (self.seed, self._run_seed)
        painting = None
        if painter is not None:
            cache = folder.path / "inpainted" / "cache"
            painting = Painting(painter, prompt, photos, seed, self.edge_px, cache)
        try:
            if painting is not None:
                found = self._agree(scene, record, canvases, gains, painting)
            self._complete_depth(canvases, photos, painting, prompt)
        finally:
            if painter is not None:
                painter.release()
        return found

    def _agree(
        self,
        scene: Scene,
        record: ObjectRecord,
        canvases: Sequence[Canvas],
        gains: Float[np.ndarray, "views 3"],
        painting: Painting,
    ) -> dict[str, Any]:
        """Paint; then the confidence of painted pixels becomes the agreement of the views."""
        worth = painting.painter.confidence
        together = self.consistency
        if together is None:
            painting.alone(canvases)
            for canvas in canvases:
                canvas.confidence[canvas.painted] *= painting.painter.alone
            return {}
        tolerance, before = together.tolerance(scene.depth_sigma), None
        if together.compare or (together.compare is None and not painting.painter.draws):
            alone = [c.copy() for c in canvases]
            painting.alone(alone)
            before = mean_difference(agreements(alone, gains, tolerance))
        painting.together(canvases, gains, together, record.frame.center, scene.depth_sigma)
        found = agreements(canvases, gains, tolerance)
        for canvas, agreement in zip(canvases, found, strict=True):
            sure = worth * agreement.confidence(color_sigma=together.color_sigma, alone=painting.painter.alone)
            canvas.confidence[canvas.painted] = sure[canvas.painted]
        after = mean_difference(found)
        notes = {"view_difference": _rounded(after), "view_difference_alone": _rounded(before)}
        if after is not None:
            alone_too = "" if before is None else f" (alone: {before:.2f})"
            logger.info("in-painting: paintings of different views differ by %.2f grey levels%s", after, alone_too)
        return notes

    def _complete_depth(
        self,
        canvases: Sequence[Canvas],
        photos: Sequence[UInt8[np.ndarray, "height width 3"]],
        painting: Painting | None,
        prompt: str,
    ) -> None:
        """Another depth for the hidden pixels whose surface nobody saw."""
        if self.depth is None:
            return
        seeds = [painting.view_seed(c) for c in canvases] if painting else [0] * len(canvases)
        paint = painting.paint if painting else None
        completed = self.depth(canvases, photos, paint, prompt, seeds, self._device)
        for canvas, depth in zip(canvases, completed, strict=True):
            where = canvas.hidden & ~canvas.fused
            canvas.geometry = replaced_geometry(canvas.geometry, canvas.camera, depth, where, canvas.nearest)

    def _notes(self, canvases: Sequence[Canvas], gains: Float[np.ndarray, "views 3"]) -> dict[str, Any]:
        hidden, copied, warped, painted = (
            sum(int(np.count_nonzero(mask)) for mask in masks)
            for masks in (
                [c.hidden for c in canvases],
                [c.origin == COPIED for c in canvases],
                [c.origin == WARPED for c in canvases],
                [c.painted for c in canvases],
            )
        )
        logger.info("in-painting: %d hidden pixels, %d copied from other views, %d painted", hidden, copied, painted)
        return {
            "inpainter": self.name,
            "depth": self.depth.name if self.depth else "volume",
            "hidden_pixels": hidden,
            "copied_share": round(copied / max(hidden, 1), 4),
            "painted_share": round(painted / max(hidden, 1), 4),
            "warped_share": round(warped / max(hidden, 1), 4),
            "gain_range": [round(float(gains.min()), 4), round(float(gains.max()), 4)],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
