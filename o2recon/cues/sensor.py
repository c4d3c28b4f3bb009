"""Normals of the visible surface from sensor depth: the view's own and that of all frames fused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from o2recon.cues.normal import normals_from_depth
from o2recon.types import Camera, Volume
from o2recon.volume import seen_surface


@dataclass(frozen=True, kw_only=True)
class SensorNormals:
    """See `normals_from_depth` for the windows, `Cues` for the fused surface. Lengths in metres."""

    radii_px: Sequence[int]
    residual_sigmas: float
    last_residual_sigmas: float
    own_sigmas: float
    min_share: float
    fused_weight: float
    fused_evidence: float
    fused_tolerance: float

    def __call__(
        self,
        depth: Float[np.ndarray, "height width"],
        sigma: Float[np.ndarray, "height width"],
        visible: Bool[np.ndarray, "height width"],
        camera: Camera,
        camera_to_world: Float[np.ndarray, "4 4"],
        volume: Volume | None,
    ) -> Float[np.ndarray, "height width 3"]:
        """Unit normals in the camera frame, 0 where unknown. `depth`: z of the object alone, 0 elsewhere."""
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
        if volume is None or self.fused_weight <= 0:
            return normal
        fused = seen_surface(volume, camera, camera_to_world, visible)
        near = np.abs(fused.depth - depth) < self.fused_tolerance + self.own_sigmas * sigma
        use = (fused.depth > 0) & (fused.evidence >= self.fused_evidence) & ((depth <= 0) | near)
        return blend_normals(normal, np.where(use[..., None], fused.normal, 0), self.fused_weight)


def blend_normals(
    first: Float[np.ndarray, "height width 3"], second: Float[np.ndarray, "height width 3"], weight: float
) -> Float[np.ndarray, "height width 3"]:
    """Unit mean of two normal maps, `weight` of it the second; where one is zero the other alone counts."""
    both = ((first != 0).any(-1) & (second != 0).any(-1))[..., None]
    mixed = np.where(both, (1 - weight) * first + weight * second, first + second)
    length = np.linalg.norm(mixed, axis=-1, keepdims=True)
    return np.where(length > 1e-6, mixed / np.maximum(length, 1e-6), 0).astype(np.float32)
