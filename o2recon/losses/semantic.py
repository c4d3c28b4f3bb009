"""Semantic consistency: what a picture of the object from a new place should mean."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Encoder = Callable[[Float[Tensor, "images 3 height width"]], Float[Tensor, "images channels"]]
"""RGB pictures in [0, 1] -> unit vectors, differentiable."""


@dataclass(frozen=True)
class SemanticTarget:
    """Unit vectors of the reference view's colour and normal pictures and of the object's name.

    `normal` is None when the reference view has no normal cues: its term is silent then.
    """

    color: Float[Tensor, "channels"]
    normal: Float[Tensor, "channels"] | None
    text: Float[Tensor, "channels"]


class SemanticLoss:
    """`color_weight` (1 - cos(colour, reference colour)) + `normal_weight` (1 - cos(normal, reference normal))
    + `text_weight` (2 - cos(colour, text) - cos(normal, text)), as in O2-Recon and, without normals, DietNeRF."""

    def __init__(self, *, color_weight: float, normal_weight: float, text_weight: float) -> None:
        self.color_weight, self.normal_weight, self.text_weight = color_weight, normal_weight, text_weight

    def __call__(
        self,
        color: Float[Tensor, "3 height width"],
        normal: Float[Tensor, "3 height width"],
        *,
        encoder: Encoder,
        target: SemanticTarget,
    ) -> Float[Tensor, ""]:
        """`color` and `normal`: rendered crops in [0, 1]; gradients go back to their pixels."""
        seen_color, seen_normal = encoder(torch.stack([color, normal]))
        loss = self.color_weight * (1 - seen_color @ target.color)
        loss = loss + self.text_weight * (2 - seen_color @ target.text - seen_normal @ target.text)
        if target.normal is not None:
            loss = loss + self.normal_weight * (1 - seen_normal @ target.normal)
        return loss
