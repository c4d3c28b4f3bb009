"""Rendered normal."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.losses.mean import weighted_mean
from o2recon.types import FieldPoints, RayBatch, RenderOutput


class NormalLoss:
    """Angle (radians) between rendered normal and cue, both in the object frame, weighted by confidence and opacity.

    2 atan2(|a - b|, |a + b|): exact at 0 and pi, where acos has an infinite slope. The opacity is detached.
    """

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        cued = (rays.normal.square().sum(-1) > 0.25).to(rays.normal.dtype)
        rendered = functional.normalize(output.normal, dim=-1)
        apart = (rendered - rays.normal).square().sum(-1).add(1e-12).sqrt()
        along = (rendered + rays.normal).square().sum(-1).add(1e-12).sqrt()
        angle = 2 * torch.atan2(apart, along)
        return weighted_mean(angle, cued * rays.confidence * output.opacity.detach())
