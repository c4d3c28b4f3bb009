"""Unit gradient."""

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.types import FieldPoints, RayBatch, RenderOutput


class EikonalLoss:
    """mean (|gradient| - 1)^2 over the rendered gradient points and the points of the box, when given."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        gradient = output.gradient if points is None else torch.cat([output.gradient, points.gradient])
        return (gradient.norm(dim=-1) - 1).square().mean()
