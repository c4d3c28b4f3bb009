"""Unit gradient."""

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import mean, weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class EikonalLoss:
    """mean (|gradient| - 1)^2 over the rendered gradient points and the points of the box, when given."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        gradient = output.gradient if points is None else torch.cat([output.gradient, points.gradient])
        return mean((gradient.norm(dim=-1) - 1).square())


class SphereEikonalLoss:
    """As in the paper: mean (|gradient| - 1)^2 over the samples within `radius` of the centre, object units.

    ValueError of a renderer that does not give the gradient of every sample.
    """

    def __init__(self, *, radius: float) -> None:
        self.radius = radius

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        if len(output.gradient) != output.t.numel():
            raise ValueError(
                f"SphereEikonalLoss got {len(output.gradient)} gradients of {output.t.numel()} samples: "
                "set render=paper, or loss.eikonal.loss._target_=o2recon.losses.EikonalLoss"
            )
        at = rays.origins[:, None] + output.t[..., None] * rays.directions[:, None]
        near = (at.square().sum(-1) < self.radius**2).flatten().to(output.gradient.dtype)
        return weighted_mean((output.gradient.norm(dim=-1) - 1).square(), near)
