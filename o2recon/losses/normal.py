"""Rendered normal."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class NormalLoss:
    """Angle (radians) between rendered normal and cue, both in the object frame, weighted by confidence and opacity.

    2 atan2(|a - b|, |a + b|): exact at 0 and pi, where acos has an infinite slope. The opacity is detached.
    """

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        return weighted_mean(_angle(output, rays), _cued(rays) * rays.confidence * output.opacity.detach())


class MeasuredNormalLoss:
    """As in the paper: the same angle, where a surface distance is known too; weighted by confidence alone."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        return weighted_mean(_angle(output, rays), _cued(rays) * (rays.surface_distance > 0) * rays.confidence)


def _cued(rays: RayBatch) -> Float[Tensor, "rays"]:
    return (rays.normal.square().sum(-1) > 0.25).to(rays.normal.dtype)


def _angle(output: RenderOutput, rays: RayBatch) -> Float[Tensor, "rays"]:
    rendered = functional.normalize(output.normal, dim=-1)
    apart = (rendered - rays.normal).square().sum(-1).add(1e-12).sqrt()
    along = (rendered + rays.normal).square().sum(-1).add(1e-12).sqrt()
    return 2 * torch.atan2(apart, along)
