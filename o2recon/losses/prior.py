"""Towards the completed volume where nothing was seen."""

from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class PriorLoss:
    """Mean |sdf - completed volume's sdf|, both clipped to +- truncation, weighted by 1 - evidence; object units."""

    def __init__(self, *, truncation: float) -> None:
        self.truncation = truncation

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        if points is None:
            return output.sdf.new_zeros(())
        clip = self.truncation
        difference = points.sdf.clamp(-clip, clip) - points.prior_sdf.clamp(-clip, clip)
        return weighted_mean(difference.abs(), 1 - points.evidence)
