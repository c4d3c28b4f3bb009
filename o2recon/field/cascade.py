"""The cascaded SDF: a coarse field that is smooth by construction and a fine residual that fades in on top of it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.field.color import ColorNetwork
from o2recon.field.encoding import Encoding
from o2recon.field.mlp import Mlp
from o2recon.field.staged import StagedField
from o2recon.tensors import FieldOutput


class Cascade(StagedField):
    """sdf(x) = base(x) + coarse(x) + gate * fine(x) on the object frame (unit sphere), and colour.

    base(x) = sqrt(|x|^2 + 0.01) - `initial_radius` is a rounded sphere and coarse starts at exactly 0, so the field
    starts as that sphere and keeps growing outside the box. fine starts at exactly 0; gate is 0 in the coarse stage.
    The colour network sees [point, direction, gradient, feature]; the direction is zeroed in the coarse stage.
    Checkpoints made before `parts` hold "both".
    """

    def __init__(
        self,
        *,
        coarse_encoding: Encoding,
        fine_encoding: Encoding,
        num_hidden: int,
        num_coarse_layers: int,
        num_fine_layers: int,
        num_color_layers: int,
        num_feature_channels: int,
        softplus_beta: float,
        initial_radius: float,
        initial_sharpness: float,
        parts: str = "both",
    ) -> None:
        super().__init__(fine_encoding=fine_encoding, initial_sharpness=initial_sharpness, parts=parts)
        self.coarse_encoding = coarse_encoding
        sizes = {"num_hidden": num_hidden, "num_outputs": 1 + num_feature_channels}
        coarse_sizes = sizes | {"num_inputs": coarse_encoding.num_channels, "num_layers": num_coarse_layers}
        fine_sizes = sizes | {"num_inputs": fine_encoding.num_channels, "num_layers": num_fine_layers}
        self.coarse = Mlp(**coarse_sizes, beta=softplus_beta)
        self.fine = Mlp(**fine_sizes, beta=softplus_beta)
        self.color_network = ColorNetwork(
            num_inputs=9 + num_feature_channels, num_hidden=num_hidden, num_layers=num_color_layers
        )
        for network in (self.coarse, self.fine):
            nn.init.zeros_(network.output.weight[:1])
            nn.init.zeros_(network.output.bias[:1])
        nn.init.zeros_(self.fine.output.bias)
        self.initial_radius = initial_radius

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by the learning rate they want: encoding "tables", "networks", "sharpness"."""
        tables = [*self.coarse_encoding.parameters(), *self.fine_encoding.parameters()]
        networks = [p for m in (self.coarse, self.fine, self.color_network) for p in m.parameters()]
        return {"tables": tables, "networks": networks, "sharpness": [self.sharpness]}

    def sdf(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]:
        """SDF in object units; the cheap query: no gradient, no features."""
        cube = points * 0.5 + 0.5
        sdf = self._base(points)
        if self.coarse_is_on:
            sdf = sdf + self.coarse(self.coarse_encoding.features(cube), 1)[:, 0]
        if self.fine_is_on:
            sdf = sdf + self.gate * self.fine(self.fine_encoding.features(cube), 1)[:, 0]
        return sdf

    def sdf_and_gradient(self, points: Float[Tensor, "points 3"], *, gradient: bool = True) -> FieldOutput:
        """SDF, its gradient as forward operations (None unless asked), features and the fine residual."""
        cube = points * 0.5 + 0.5
        out, slope = points.new_zeros(len(points), self.coarse.output.out_features), torch.zeros_like(points)
        residual = torch.zeros_like(out[:, 0])
        if self.coarse_is_on:
            out, slope = _evaluate(self.coarse_encoding, self.coarse, cube, gradient=gradient)
        if self.fine_is_on:
            fine, fine_slope = _evaluate(self.fine_encoding, self.fine, cube, gradient=gradient)
            out = out + self.gate * fine
            residual = self.gate * fine[:, 0] if self.coarse_is_on else residual
            slope = slope + self.gate * fine_slope
        total = 0.5 * slope + points / torch.sqrt((points * points).sum(-1, keepdim=True) + 0.01) if gradient else None
        return FieldOutput(sdf=self._base(points) + out[:, 0], gradient=total, feature=out[:, 1:], residual=residual)

    def color(
        self,
        points: Float[Tensor, "points 3"],
        directions: Float[Tensor, "points 3"] | None,
        gradient: Float[Tensor, "points 3"],
        feature: Float[Tensor, "points channels"],
    ) -> Float[Tensor, "points 3"]:
        """RGB in [0, 1] seen along unit `directions` (None: as in the coarse stage, without a direction)."""
        seen = torch.zeros_like(points) if directions is None else directions * self.direction_gate
        return self.color_network(torch.cat([points, seen, gradient, feature], -1))

    def _base(self, points: Tensor) -> Tensor:
        return torch.sqrt((points * points).sum(-1) + 0.01) - self.initial_radius


def _evaluate(
    encoding: Encoding, network: Mlp, cube: Float[Tensor, "points 3"], *, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Network outputs [points outputs] and d(output 0)/d(cube) [points 3], zeros unless asked for."""
    if not gradient:
        return network(encoding.features(cube)), torch.zeros_like(cube)
    encoded = encoding.encode(cube)
    outputs, g = network.with_gradient(encoded.features)
    return outputs, encoded.contract(g)
