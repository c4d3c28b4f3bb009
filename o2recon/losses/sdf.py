"""SDF near an observed surface."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class SdfLoss:
    """SDF of samples near the known surface distance d of their ray, object units.

    With a normal cue n: |sdf - (d - t) cos|, cos = -n . direction, the distance to the tangent plane, for samples up to
    `truncation` before and `truncation_behind` behind the surface; `min_cosine` is the flattest angle at which a cue
    counts. Without one d - t is only a bound: the excess of |sdf| over |d - t|. Weighted by confidence.
    """

    def __init__(self, *, truncation: float, truncation_behind: float, min_cosine: float) -> None:
        self.truncation = truncation
        self.truncation_behind = truncation_behind
        self.min_cosine = min_cosine

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        ahead = rays.surface_distance[:, None] - output.t
        near = (ahead < self.truncation) & (ahead > -self.truncation_behind) & (rays.surface_distance > 0)[:, None]
        cosine = -(rays.normal * rays.directions).sum(-1, keepdim=True)
        plane = (output.sdf - ahead * cosine).abs()
        bound = functional.relu(output.sdf.abs() - ahead.abs())
        value = torch.where(cosine > self.min_cosine, plane, bound)
        return weighted_mean(value, near * rays.confidence[:, None])


class RaySdfLoss:
    """As in the paper: |sdf - (d - t)| for samples within `truncation` of the known surface distance d, object units.

    d - t overstates the distance to a surface that the ray meets at a flat angle. Weighted by confidence.
    """

    def __init__(self, *, truncation: float) -> None:
        self.truncation = truncation

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        ahead = rays.surface_distance[:, None] - output.t
        near = (ahead.abs() < self.truncation) & (rays.surface_distance > 0)[:, None]
        return weighted_mean((output.sdf - ahead).abs(), near * rays.confidence[:, None])
