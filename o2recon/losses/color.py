"""Colour."""

from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class ColorLoss:
    """L1 of rendered against observed or in-painted RGB, weighted by confidence; silent where confidence is 0."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        return weighted_mean((output.color - rays.color).abs().mean(-1), rays.confidence)
