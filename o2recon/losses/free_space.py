"""Space that is known to be empty."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class FreeSpaceLoss:
    """max(0, exp(-5 sdf) - 1, sdf - (d - t)) for samples before `free_distance`; d the surface, where one is known."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        empty = output.t < rays.free_distance[:, None]
        inside = torch.expm1(-5 * output.sdf.clamp(min=-1))
        ahead = rays.surface_distance[:, None] - output.t
        known = (rays.surface_distance > 0)[:, None]
        beyond = torch.where(known, output.sdf - ahead, torch.zeros_like(ahead))
        value = torch.maximum(inside, beyond).clamp(min=0)
        return weighted_mean(value, empty.to(value.dtype))


class HullLoss:
    """The object lies in the permitted volume: the SDF is at least `hull_distance`. Mean shortfall in carved space."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        if points is None:
            return output.sdf.new_zeros(())
        short = functional.relu(points.hull_distance - points.sdf)
        return weighted_mean(short, (points.hull_distance > 0).to(short.dtype))


class SensorFreeSpaceLoss:
    """As in the paper: max(0, exp(-5 sdf) - 1, sdf - (d - t)) for samples more than `truncation` before the surface d.

    Weighted by confidence, object units. Rays without a known surface say nothing here.
    """

    def __init__(self, *, truncation: float) -> None:
        self.truncation = truncation

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        ahead = rays.surface_distance[:, None] - output.t
        empty = (ahead > self.truncation) & (rays.surface_distance > 0)[:, None]
        value = torch.maximum(torch.expm1(-5 * output.sdf.clamp(min=-1)), output.sdf - ahead).clamp(min=0)
        return weighted_mean(value, empty * rays.confidence[:, None])
