"""A term that comes in slowly."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class Ramped:
    """`loss` times a factor that grows from 0 to 1 over the first `num_steps` steps."""

    def __init__(self, *, loss: Callable[..., Tensor], num_steps: int) -> None:
        self.loss, self.num_steps = loss, num_steps
        self._factor = 1.0
        self._tensor: Tensor | None = None

    def set_step(self, step: int) -> None:
        """Where training stands. Without it the term counts in full."""
        self._factor = min(step / self.num_steps, 1.0)
        if self._tensor is not None:
            self._tensor.fill_(self._factor)

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        device = output.opacity.device
        if self._tensor is None or self._tensor.device != device:  # one and the same from then on, for CUDA graphs
            self._tensor = torch.full((), self._factor, device=device)
        return self._tensor * self.loss(output, rays, points)
