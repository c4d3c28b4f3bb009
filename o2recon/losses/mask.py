"""Silhouette."""

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class MaskLoss:
    """Binary cross-entropy of opacity, clipped to [clip, 1 - clip], weighted by `opacity_weight`."""

    def __init__(self, *, clip: float) -> None:
        self.clip = clip

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        opacity = output.opacity.clamp(self.clip, 1 - self.clip)
        entropy = -(rays.opacity * torch.log(opacity) + (1 - rays.opacity) * torch.log1p(-opacity))
        return weighted_mean(entropy, rays.opacity_weight)
