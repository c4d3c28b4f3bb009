"""The colour network."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.field.device import COLOR_PRECISION, fusable


class ColorNetwork(nn.Sequential):
    """Linear layers with ReLU between them and a sigmoid at the end; two hidden layers are one kernel on a GPU."""

    def __init__(self, *, num_inputs: int, num_hidden: int, num_layers: int) -> None:
        layers: list[nn.Module] = []
        width = num_inputs
        for _ in range(num_layers):
            layers += [nn.Linear(width, num_hidden), nn.ReLU()]
            width = num_hidden
        super().__init__(*layers, nn.Linear(width, 3), nn.Sigmoid())
        self.widths = (num_inputs, num_hidden)
        self.num_layers = num_layers

    def forward(self, inputs: Float[Tensor, "points inputs"]) -> Float[Tensor, "points 3"]:
        """RGB in [0, 1]."""
        if self.num_layers == 2 and fusable(inputs, *self.widths):
            from o2recon.field import triton_mlp

            colors: Tensor = triton_mlp.ColorNetwork.apply(
                inputs, *self.parameters(), COLOR_PRECISION[torch.get_float32_matmul_precision()]
            )
            return colors
        result: Tensor = super().forward(inputs)
        return result
