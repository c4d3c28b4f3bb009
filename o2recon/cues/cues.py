"""The cue stage: what supervises the normals and the depth of every chosen view."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.cues.depth import surface_depth
from o2recon.cues.depth_maps import DepthMaps
from o2recon.cues.maps import CueView, Maps, Predicted
from o2recon.cues.normal_maps import NormalMaps
from o2recon.cues.sensor import SensorNormals
from o2recon.masks import object_crop
from o2recon.models import MissingWeights
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import ObjectRecord, ViewRecord, Volume
from o2recon.volume import seen_surface
from o2recon.workspace import ObjectFolder, read_image

logger = logging.getLogger(__name__)

SUSPICIOUS_SHARE = 0.3
"""Of normals that face away from the camera: more is a sign of axes that are not what they are taken for."""


class Cues:
    """Writes cues/normal/<view>.npz: from sensor depth where visible, the in-painted normal where hidden.

    `fused_weight`: how much the normal of the surface fused from all frames counts against the view's own, where that
    surface was observed and agrees with the view's depth; 0 uses the view's depth alone. Lengths in metres.
    `normal`, `depth`: networks or files that give normals or depth instead, see their classes; None: the sensor alone.
    With `depth` also cues/{depth,depth_sigma}/<view>.png, which training then takes for the object's depth.
    """

    def __init__(
        self,
        *,
        radii_px: Sequence[int],
        residual_sigmas: float,
        last_residual_sigmas: float,
        own_sigmas: float,
        min_share: float,
        jump: float,
        fused_weight: float,
        fused_evidence: float,
        fused_tolerance: float,
        crop_margin_px: int,
        normal: NormalMaps | None = None,
        depth: DepthMaps | None = None,
    ) -> None:
        if not radii_px or min(radii_px) < 1:
            raise ValueError(f"cues.radii_px is {list(radii_px)}: at least one radius of 1 pixel or more is needed")
        self.sensor = SensorNormals(
            radii_px=tuple(radii_px),
            residual_sigmas=residual_sigmas,
            last_residual_sigmas=last_residual_sigmas,
            own_sigmas=own_sigmas,
            min_share=min_share,
            fused_weight=fused_weight,
            fused_evidence=fused_evidence,
            fused_tolerance=fused_tolerance,
        )
        self.jump, self.crop_margin_px = jump, crop_margin_px
        self.normal, self.depth = normal, depth
        self._device = "cpu"

    def on(self, device: str) -> "Cues":
        """Itself, which will run its networks on this device."""
        self._device = device
        return self

    @property
    def maps(self) -> dict[str, Maps]:
        """What is not the sensor's: 'normal', 'depth' or both."""
        given = {"normal": self.normal, "depth": self.depth}
        return {kind: source.maps for kind, source in given.items() if source is not None}

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """What decides the result beside config and prepared files: the files of precomputed maps."""
        return {f"{kind} {k}": v for kind, maps in self.maps.items() for k, v in maps.inputs(folder).items()}

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """Where precomputed maps lie, with * in the names."""
        return [path for maps in self.maps.values() for path in maps.watched(folder)]

    def require(self, folder: ObjectFolder) -> None:
        """Asked before anything is computed: one line of MissingWeights, or of ValueError when files are missing."""
        for kind, maps in self.maps.items():
            obstacle = maps.obstacle(folder)
            if obstacle is not None:
                raise (MissingWeights if isinstance(maps, Predicted) else ValueError)(f"cues/{kind}: {obstacle}")

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: the share of visible pixels that got a normal, and what networks or files were used."""
        self.require(folder)
        record = folder.read_record()
        volume = folder.read_volume() if self.sensor.fused_weight > 0 or self.maps else None
        views = [self._view(folder, record, volume, v) for v in record.views]
        given = {kind: maps(views, folder, device=self._device) for kind, maps in self.maps.items()}
        normals, notes = self._normals(given, views)
        folder.drop("cues/depth")
        folder.drop("cues/depth_sigma")
        visible = covered = aligned = 0
        for i, view in enumerate(track(views, description="cues")):
            measured = self._measured(scene, folder, view)
            normal = self._write_normal(folder, volume, view, normals[i] if normals else None, *measured)
            if self.depth is not None:
                aligned += self._write_depth(folder, view, self.depth, given["depth"][i], measured[0])
            visible += int(view.visible.sum())
            covered += int((view.visible & (normal != 0).any(-1)).sum())
        share = covered / max(visible, 1)
        logger.info("cues: normals on %.0f %% of the visible pixels", 100 * share)
        if self.depth is not None:
            notes |= {"depth": self.depth.maps.name, "aligned_views": aligned}
            logger.info("cues: %s aligned to the sensor's in %d of %d views", notes["depth"], aligned, len(views))
        return {"normal_share": round(share, 4), **notes}

    def _normals(
        self, given: dict[str, list[np.ndarray]], views: Sequence[CueView]
    ) -> tuple[list[np.ndarray], dict[str, Any]]:
        """The given normals in our axes, and notes; nothing when the sensor's are wanted."""
        if self.normal is None:
            return [], {}
        normals, away = self.normal.converted(given["normal"], views)
        name = self.normal.maps.name
        level = logging.WARNING if away > SUSPICIOUS_SHARE else logging.INFO
        logger.log(level, "cues: normals of %s, %.0f %% left out since they face away", name, 100 * away)
        return normals, {"normal": name, "facing_away": round(away, 4)}

    def _view(self, folder: ObjectFolder, record: ObjectRecord, volume: Volume | None, view: ViewRecord) -> CueView:
        visible, hidden = (folder.read_mask(f"masks/{kind}", view.index) for kind in ("visible", "hidden"))
        crop = object_crop(
            record.frame, view.camera, view.camera_to_world, visible | hidden, margin_px=self.crop_margin_px
        )
        here, photo = crop.window, folder.image("inpainted/image", view.index)
        visible, hidden = visible[here], hidden[here] & ~visible[here]
        nothing = np.zeros_like(hidden)
        if not self.maps:
            return CueView(view, crop, photo, visible, hidden, nothing, nothing)
        assert volume is not None
        cue_view = CueView(view, crop, photo, visible, hidden, nothing, nothing)
        surface = seen_surface(volume, cue_view.camera, view.camera_to_world, hidden)
        completed = folder.read_depth("inpainted/depth", view.index)[here]
        agrees = (surface.depth > 0) & (np.abs(surface.depth - completed) < self.sensor.fused_tolerance)
        observed = hidden & agrees & (surface.evidence >= self.sensor.fused_evidence)
        sure = hidden & (read_image(folder.image("inpainted/confidence", view.index))[here] > 0)
        return CueView(view, crop, photo, visible, hidden, observed, sure)

    def _measured(
        self, scene: Scene, folder: ObjectFolder, view: CueView
    ) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
        """Sensor depth (z, metres) on visible pixels that surely are the object, 0 elsewhere; its noise."""
        depth = folder.read_depth("depth", view.record.index)[view.crop.window]
        sigma = scene.depth_sigma(depth).astype(np.float32)
        return surface_depth(depth, view.visible, sigma, jump=self.jump, num_sigmas=self.sensor.own_sigmas), sigma

    def _write_normal(
        self,
        folder: ObjectFolder,
        volume: Volume | None,
        view: CueView,
        given: Float[np.ndarray, "height width 3"] | None,
        depth: Float[np.ndarray, "height width"],
        sigma: Float[np.ndarray, "height width"],
    ) -> Float[np.ndarray, "height width 3"]:
        """Writes the cue at full size; returns its window."""
        record, here = view.record, view.crop.window
        full = folder.read_normal("inpainted/normal", record.index)
        if self.normal is None or self.normal.keep_sensor:
            own = self.sensor(depth, sigma, view.visible, view.camera, record.camera_to_world, volume)
            full[here] = np.where(view.visible[..., None], own, full[here])
        if self.normal is not None and given is not None:
            full[here] = self.normal.merged(given, full[here], view)
        folder.write_normal("cues/normal", record.index, full)
        return full[here]

    def _write_depth(
        self,
        folder: ObjectFolder,
        view: CueView,
        source: DepthMaps,
        raw: Float[np.ndarray, "height width"],
        measured: Float[np.ndarray, "height width"],
    ) -> bool:
        """Writes the cue and its deviation at full size; False when the view could not be aligned."""
        index, here = view.record.index, view.crop.window
        full = folder.read_depth("inpainted/depth", index)
        sigma = np.zeros_like(full)
        nearest = np.where(view.hidden, folder.read_depth("depth", index)[here], 0).astype(np.float32)
        cue = source(raw, view, full[here], measured, nearest)
        if cue is not None:
            full[here], sigma[here] = cue.depth, cue.sigma
        folder.write_depth("cues/depth", index, full)
        folder.write_depth("cues/depth_sigma", index, sigma)
        return cue is not None
