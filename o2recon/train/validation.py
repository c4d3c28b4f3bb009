"""How well held-out views are explained: rendered depth against the sensor, silhouette, colour."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from o2recon.tensors import RayBatch, RenderOutput
from o2recon.train.search import SurfaceSearch


class HeldOut:
    """Compares rays of held-out views: the verdict that needs no ground truth. `scale`: metres per object unit.

    `val/depth_residual_cm`: median distance between rendered and measured surface along visible rays that render as the
    object; `val/depth_within_2cm`: share of all visible rays where it is under 2 cm; `val/silhouette_iou`: of opacity
    > 0.5 and the confirmed mask, over rays where the mask speaks; `val/psnr_db`: colour on visible rays.
    """

    def __init__(self, *, scale: float, search: SurfaceSearch | None) -> None:
        self.scale, self.search = scale, search
        self.reset()

    def reset(self) -> None:
        self.residuals: list[Tensor] = []
        self.counts = {"seen": 0.0, "close": 0.0, "both": 0.0, "either": 0.0, "squares": 0.0, "colored": 0.0}

    @torch.no_grad()
    def update(self, renderer: Callable[..., RenderOutput], field: nn.Module, rays: RayBatch) -> None:
        """Render without telling the renderer where the surface is, without randomness, and compare."""
        blind = replace(rays, surface_distance=torch.zeros_like(rays.surface_distance))
        if self.search is not None:
            blind = self.search.guided(field.sdf, blind)  # type: ignore[arg-type]
        output = renderer(field, blind, generator=None)
        visible = rays.confidence >= 1
        measured = visible & (rays.surface_distance > 0)
        drawn = output.opacity > 0.5
        residual = (output.ray_distance - rays.surface_distance).abs() * self.scale
        self.residuals.append(residual[measured & drawn])
        spoken, inside = rays.opacity_weight > 0, rays.opacity > 0.5
        squares = (output.color - rays.color).square().mean(-1)
        found = {
            "seen": measured,
            "close": measured & drawn & (residual < 0.02),
            "both": drawn & inside & spoken,
            "either": (drawn | inside) & spoken,
            "squares": torch.where(visible & drawn, squares, torch.zeros_like(squares)),
            "colored": visible & drawn,
        }
        for name, value in found.items():
            self.counts[name] += float(value.sum())

    def compute(self) -> dict[str, float]:
        """The metrics; those with nothing to compare are left out."""
        counts, metrics = self.counts, {}
        residuals = torch.cat(self.residuals) if self.residuals else torch.zeros(0)
        if len(residuals):
            metrics["val/depth_residual_cm"] = 100 * float(residuals.median())
        if counts["seen"]:
            metrics["val/depth_within_2cm"] = counts["close"] / counts["seen"]
        if counts["either"]:
            metrics["val/silhouette_iou"] = counts["both"] / counts["either"]
        if counts["colored"]:
            metrics["val/psnr_db"] = -10 * math.log10(max(counts["squares"] / counts["colored"], 1e-10))
        return metrics
