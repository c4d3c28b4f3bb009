"""The cue stage: what supervises the normals of every chosen view."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cues.depth import surface_depth
from o2recon.cues.normal import normals_from_depth
from o2recon.masks import crop_camera, object_crop
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import ObjectRecord, ViewRecord, Volume
from o2recon.volume import seen_surface
from o2recon.workspace import ObjectFolder

logger = logging.getLogger(__name__)


class Cues:
    """Writes cues/normal/<view>.npz: from sensor depth where visible, the in-painted normal where hidden.

    `fused_weight`: how much the normal of the surface fused from all frames counts against the view's own, where that
    surface was observed and agrees with the view's depth; 0 uses the view's depth alone. Lengths in metres.
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
    ) -> None:
        if not radii_px or min(radii_px) < 1:
            raise ValueError(f"cues.radii_px is {list(radii_px)}: at least one radius of 1 pixel or more is needed")
        self.radii_px = tuple(radii_px)
        self.residual_sigmas = residual_sigmas
        self.last_residual_sigmas = last_residual_sigmas
        self.own_sigmas = own_sigmas
        self.min_share = min_share
        self.jump = jump
        self.fused_weight = fused_weight
        self.fused_evidence = fused_evidence
        self.fused_tolerance = fused_tolerance
        self.crop_margin_px = crop_margin_px

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """Notes: the share of visible pixels that got a normal."""
        record = folder.read_record()
        volume = folder.read_volume() if self.fused_weight > 0 else None
        visible = covered = 0
        for view in track(record.views, description="cues"):
            mask = folder.read_mask("masks/visible", view.index)
            normal = self._view(scene, folder, record, volume, view, mask)
            folder.write_normal("cues/normal", view.index, normal)
            visible += int(mask.sum())
            covered += int((mask & (normal != 0).any(-1)).sum())
        logger.info("cues: normals on %.0f %% of the visible pixels", 100 * covered / max(visible, 1))
        return {"normal_share": round(covered / max(visible, 1), 4)}

    def _view(
        self,
        scene: Scene,
        folder: ObjectFolder,
        record: ObjectRecord,
        volume: Volume | None,
        view: ViewRecord,
        visible: Bool[np.ndarray, "height width"],
    ) -> Float[np.ndarray, "height width 3"]:
        hidden = folder.read_mask("masks/hidden", view.index)
        crop = object_crop(
            record.frame, view.camera, view.camera_to_world, visible | hidden, margin_px=self.crop_margin_px
        )
        here, camera = crop.window, crop_camera(view.camera, crop)
        depth = folder.read_depth("depth", view.index)[here]
        sigma = scene.depth_sigma(depth).astype(np.float32)
        depth = surface_depth(depth, visible[here], sigma, jump=self.jump, num_sigmas=self.own_sigmas)
        normal = normals_from_depth(
            depth,
            camera,
            sigma,
            radii_px=self.radii_px,
            residual_sigmas=self.residual_sigmas,
            last_residual_sigmas=self.last_residual_sigmas,
            own_sigmas=self.own_sigmas,
            min_share=self.min_share,
        )
        if volume is not None:
            fused = seen_surface(volume, camera, view.camera_to_world, visible[here])
            near = np.abs(fused.depth - depth) < self.fused_tolerance + self.own_sigmas * sigma
            use = (fused.depth > 0) & (fused.evidence >= self.fused_evidence) & ((depth <= 0) | near)
            normal = blend_normals(normal, np.where(use[..., None], fused.normal, 0), self.fused_weight)
        full = folder.read_normal("inpainted/normal", view.index)
        full[here] = np.where(visible[here][..., None], normal, full[here])
        return full


def blend_normals(
    first: Float[np.ndarray, "height width 3"], second: Float[np.ndarray, "height width 3"], weight: float
) -> Float[np.ndarray, "height width 3"]:
    """Unit mean of two normal maps, `weight` of it the second; where one is zero the other alone counts."""
    both = ((first != 0).any(-1) & (second != 0).any(-1))[..., None]
    mixed = np.where(both, (1 - weight) * first + weight * second, first + second)
    length = np.linalg.norm(mixed, axis=-1, keepdims=True)
    return np.where(length > 1e-6, mixed / np.maximum(length, 1e-6), 0).astype(np.float32)
