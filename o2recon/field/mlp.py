"""A small multi-layer perceptron whose input gradient is computed by ordinary forward operations."""

from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from o2recon.field.device import SDF_PRECISION, fusable


class Mlp(nn.Module):
    """Linear layers with softplus(beta x) / beta between them; with one hidden layer a single kernel on a GPU.

    `forward` evaluates the first `num_outputs` outputs only (all when None): an SDF query needs one of them.
    """

    def __init__(self, *, num_inputs: int, num_hidden: int, num_layers: int, num_outputs: int, beta: float) -> None:
        super().__init__()
        sizes = [num_inputs] + [num_hidden] * num_layers
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.output = nn.Linear(sizes[-1], num_outputs)
        self.beta = beta

    def _activate(self, z: Tensor) -> Tensor:
        return functional.softplus(z, beta=self.beta)

    def forward(self, inputs: Float[Tensor, "points inputs"], num_outputs: int | None = None) -> Tensor:
        """[points outputs]."""
        if self._is_fused(inputs):
            return self._fused(inputs, num_outputs, gradient=False)[0]
        h = inputs
        for layer in self.hidden:
            h = self._activate(layer(h))
        return functional.linear(h, self.output.weight[:num_outputs], self.output.bias[:num_outputs])

    def with_gradient(self, inputs: Float[Tensor, "points inputs"]) -> tuple[Tensor, Tensor]:
        """Outputs [points outputs] and d(output 0)/d(inputs) [points inputs], by the chain rule written out.

        g_last = W_last[0]; going down, g = (g * sigmoid(beta z)) W, sigmoid being the derivative of softplus.
        """
        if self._is_fused(inputs):
            return self._fused(inputs, None, gradient=True)
        slopes, h = [], inputs
        for layer in self.hidden:
            z = layer(h)
            slopes.append(torch.sigmoid(self.beta * z))
            h = self._activate(z)
        g = self.output.weight[0]
        for layer, slope in zip(reversed(self.hidden), reversed(slopes), strict=True):
            g = (g * slope) @ cast(nn.Linear, layer).weight
        return self.output(h), g.expand(inputs.shape)

    def _is_fused(self, inputs: Tensor) -> bool:
        layer = cast(nn.Linear, self.hidden[0]) if len(self.hidden) == 1 else None
        return layer is not None and fusable(inputs, *layer.weight.shape, self.output.out_features)

    def _fused(self, inputs: Tensor, num_outputs: int | None, *, gradient: bool) -> tuple[Tensor, Tensor]:
        from o2recon.field.triton_mlp import SdfNetwork

        layer, last = cast(nn.Linear, self.hidden[0]), self.output
        weights = (layer.weight, layer.bias, last.weight[:num_outputs], last.bias[:num_outputs])
        outputs, g = SdfNetwork.apply(
            inputs, *weights, self.beta, gradient, SDF_PRECISION[torch.get_float32_matmul_precision()]
        )
        return outputs, g
