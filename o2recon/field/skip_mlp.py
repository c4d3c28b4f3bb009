"""A weight-normalised coordinate network whose input enters twice; its input gradient is forward operations."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

Pull = Callable[[Tensor], Tensor]
"""Cotangents [points outputs] (or one for all, [outputs]) -> their gradient with respect to the inputs."""


class SkipMlp(nn.Module):
    """Linear layers with softplus(beta x) / beta between them and weight normalisation (W = g v / |v|, row by row).

    The input of linear layer `skip_layer` (0 = the first; None: no such layer) is [h, inputs] / sqrt(2).
    With `initial_radius` output 0 starts near |x| - radius, x being the first three inputs (geometric initialisation:
    Atzmon and Lipman, SAL, CVPR 2020, with the waves of the encoding silent); without, output 0 starts at exactly 0.
    ValueError when the inputs do not fit beside the hidden values.
    """

    def __init__(
        self,
        *,
        num_inputs: int,
        num_hidden: int,
        num_layers: int,
        num_outputs: int,
        skip_layer: int | None,
        beta: float,
        initial_radius: float | None,
    ) -> None:
        super().__init__()
        if skip_layer is not None and not (0 < skip_layer <= num_layers and num_inputs < num_hidden):
            raise ValueError(
                f"skip layer {skip_layer} with {num_inputs} inputs: must lie in 1..{num_layers}, the inputs must be "
                f"fewer than field.num_hidden={num_hidden}; raise it, or take fewer octaves"
            )
        self.skip_layer, self.beta = skip_layer, beta
        widths = [num_inputs] + [num_hidden] * num_layers + [num_outputs]
        layers = [
            nn.Linear(a, b - num_inputs if n + 1 == skip_layer else b) for n, (a, b) in enumerate(pairwise(widths))
        ]
        if initial_radius is not None:
            _start_as_sphere(layers, num_inputs, skip_layer, initial_radius)
        nn.init.zeros_(layers[-1].bias[1:] if initial_radius is not None else layers[-1].bias)
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        if initial_radius is None:
            with torch.no_grad():
                self.layers[-1].parametrizations.weight.original0[0] = 0  # type: ignore[union-attr, index, operator]

    def forward(
        self, inputs: Float[Tensor, "points inputs"], num_outputs: int | None = None
    ) -> Float[Tensor, "points outputs"]:
        """The first `num_outputs` outputs (all when None)."""
        h = inputs
        for n, layer in enumerate(self.layers[:-1]):
            h = functional.softplus(layer(self._entering(n, h, inputs)), beta=self.beta)
        last = cast(nn.Linear, self.layers[-1])
        h = self._entering(len(self.layers) - 1, h, inputs)
        return functional.linear(h, last.weight[:num_outputs], last.bias[:num_outputs])

    def trace(self, inputs: Float[Tensor, "points inputs"]) -> tuple[Float[Tensor, "points outputs"], Pull]:
        """All outputs, and the chain rule written out, so that first-order autograd differentiates a gradient.

        Going down, g = (g * sigmoid(beta z)) W, sigmoid being the derivative of softplus; at the skip a part of g
        belongs to the inputs.
        """
        weights = [cast(nn.Linear, layer).weight for layer in self.layers]
        biases = [cast(nn.Linear, layer).bias for layer in self.layers]
        slopes, h = [], inputs
        for n, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            z = functional.linear(self._entering(n, h, inputs), weight, bias)
            if n + 1 < len(weights):
                slopes.append(torch.sigmoid(self.beta * z))
                h = functional.softplus(z, beta=self.beta)

        def pull(cotangent: Tensor) -> Tensor:
            g, direct = cotangent @ weights[-1], None
            for n in range(len(slopes), -1, -1):
                if n < len(slopes):
                    g = (g * slopes[n]) @ weights[n]
                if n == self.skip_layer:
                    g = g / math.sqrt(2)
                    direct, g = g[..., -inputs.shape[1] :], g[..., : -inputs.shape[1]]
            return g if direct is None else g + direct

        return z, pull

    def _entering(self, n: int, h: Tensor, inputs: Tensor) -> Tensor:
        """What linear layer `n` takes."""
        return torch.cat([h, inputs], -1) / math.sqrt(2) if n == self.skip_layer else h


def _start_as_sphere(layers: list[nn.Linear], num_inputs: int, skip_layer: int | None, radius: float) -> None:
    for n, layer in enumerate(layers):
        nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / layer.out_features))
        nn.init.zeros_(layer.bias)
        if n in (0, skip_layer):  # only the coordinates speak at first
            nn.init.zeros_(layer.weight[:, layer.in_features - num_inputs + 3 :])
    last = layers[-1]
    nn.init.normal_(last.weight[:1], math.sqrt(math.pi / last.in_features), 1e-4)
    nn.init.constant_(last.bias[:1], -radius)
