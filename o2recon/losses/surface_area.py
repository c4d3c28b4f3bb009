"""Little surface where nothing was seen."""

import math

from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class SurfaceAreaLoss:
    """Surface area per volume by the co-area formula: mean |gradient| delta(sdf), weighted by 1 - evidence.

    delta(f) = (width / pi) / (width^2 + f^2); `width` in object units. Per unit of volume of the object frame.
    """

    def __init__(self, *, width: float) -> None:
        self.width = width

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        if points is None:
            return output.sdf.new_zeros(())
        delta = self.width / math.pi / (self.width**2 + points.sdf.square())
        return weighted_mean(points.gradient.norm(dim=-1) * delta, 1 - points.evidence)
