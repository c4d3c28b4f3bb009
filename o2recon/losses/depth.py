"""Rendered distance."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class DepthLoss:
    """Rendered against known distance along the ray: |e| - sigma / 2 beyond one sigma, e^2 / (2 sigma) inside.

    Object units. Errors count up to `max_error` only: what lies farther is another surface. Weighted by confidence
    and by the rendered opacity (detached): an empty ray has no distance, the mask term speaks there.
    """

    def __init__(self, *, max_error: float) -> None:
        self.max_error = max_error

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        known = (rays.surface_distance > 0).to(output.opacity.dtype)
        sigma = rays.sigma.clamp(min=1e-4)
        error = (output.ray_distance - rays.surface_distance).abs()
        value = functional.relu(error - sigma) + error.minimum(sigma).square() / (2 * sigma)
        value = value.clamp(max=self.max_error)
        return weighted_mean(value, known * rays.confidence * output.opacity.detach())


class AbsoluteDepthLoss:
    """As in the paper: mean |rendered - known| distance along the ray, object units, weighted by confidence."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        known = (rays.surface_distance > 0).to(output.opacity.dtype)
        return weighted_mean((output.ray_distance - rays.surface_distance).abs(), known * rays.confidence)
