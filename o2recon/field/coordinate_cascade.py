"""The cascaded SDF of the O2-Recon paper (section 3.3): two coordinate networks, few octaves below many."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from o2recon.field.color import ColorNetwork
from o2recon.field.encoding import Encoding
from o2recon.field.skip_mlp import SkipMlp
from o2recon.field.staged import StagedField
from o2recon.tensors import FieldOutput


class CoordinateCascade(StagedField):
    """sdf(x) = coarse(x) + gate * fine(x) on the object frame (unit sphere), features likewise, and colour.

    (coarse, feature_coarse) = MLP(few octaves), which starts as a sphere of `initial_radius`;
    (fine, feature_fine) = MLP([many octaves, feature_coarse]), which starts at exactly 0, so that the second stage goes
    on where the first one stopped. Left to the fine field alone (`parts` fine), it is the one that starts as a sphere,
    and has zeros for the coarse features. The colour network sees [point, encoded direction, gradient, feature].
    """

    def __init__(
        self,
        *,
        coarse_encoding: Encoding,
        fine_encoding: Encoding,
        direction_encoding: Encoding,
        num_hidden: int,
        num_coarse_layers: int,
        coarse_skip_layer: int | None,
        num_fine_layers: int,
        num_color_layers: int,
        num_feature_channels: int,
        softplus_beta: float,
        initial_radius: float,
        initial_sharpness: float,
        parts: str,
    ) -> None:
        super().__init__(fine_encoding=fine_encoding, initial_sharpness=initial_sharpness, parts=parts)
        self.coarse_encoding, self.direction_encoding = coarse_encoding, direction_encoding
        self.num_feature_channels = num_feature_channels
        self.coarse = SkipMlp(
            num_inputs=coarse_encoding.num_channels,
            num_hidden=num_hidden,
            num_layers=num_coarse_layers,
            num_outputs=1 + num_feature_channels,
            skip_layer=coarse_skip_layer,
            beta=softplus_beta,
            initial_radius=initial_radius,
        )
        self.fine = SkipMlp(
            num_inputs=fine_encoding.num_channels + num_feature_channels,
            num_hidden=num_hidden,
            num_layers=num_fine_layers,
            num_outputs=1 + num_feature_channels,
            skip_layer=None,
            beta=softplus_beta,
            initial_radius=None if self.coarse_is_on else initial_radius,
        )
        self.color_network = ColorNetwork(
            num_inputs=6 + direction_encoding.num_channels + num_feature_channels,
            num_hidden=num_hidden,
            num_layers=num_color_layers,
        )

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by the learning rate they want: encoding "tables" (none here), "networks", "sharpness"."""
        networks = [p for m in (self.coarse, self.fine, self.color_network) for p in m.parameters()]
        encodings = (self.coarse_encoding, self.fine_encoding, self.direction_encoding)
        tables = [p for e in encodings for p in e.parameters()]
        return {"tables": tables, "networks": networks, "sharpness": [self.sharpness]}

    def sdf(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]:
        """SDF in object units; the cheap query: no gradient, and no more features than the fine field wants."""
        cube = points * 0.5 + 0.5
        if not self.fine_is_on:
            return self.coarse(self.coarse_encoding.features(cube), 1)[:, 0]
        coarse = self._nothing(points) if not self.coarse_is_on else self.coarse(self.coarse_encoding.features(cube))
        fine = self.fine(torch.cat([self.fine_encoding.features(cube), coarse[:, 1:]], -1), 1)
        return coarse[:, 0] + self.gate * fine[:, 0]

    def sdf_and_gradient(self, points: Float[Tensor, "points 3"], *, gradient: bool = True) -> FieldOutput:
        """SDF, its gradient as forward operations (None unless asked), features and the fine residual.

        d sdf = J_coarse^T [1, g] + J_waves^T h, with (h, g) the gradient of gate * fine with respect to its waves and
        to the coarse features: one way down through each network.
        """
        cube = points * 0.5 + 0.5
        coarse_at, fine_at = self.coarse_encoding.encode(cube), self.fine_encoding.encode(cube)
        out, pull = self._nothing(points), None
        if self.coarse_is_on:
            out, pull = self.coarse.trace(coarse_at.features)
        asked = functional.pad(out.new_ones(1), (0, self.num_feature_channels))  # of the outputs: the SDF
        residual, slope = torch.zeros_like(out[:, 0]), torch.zeros_like(points)
        if self.fine_is_on:
            fine, pull_fine = self.fine.trace(torch.cat([fine_at.features, out[:, 1:]], -1))
            if gradient:
                waves, features = (self.gate * pull_fine(asked)).split(
                    [self.fine_encoding.num_channels, self.num_feature_channels], -1
                )
                slope, asked = fine_at.contract(waves), asked + functional.pad(features, (1, 0))
            residual = self.gate * fine[:, 0] if self.coarse_is_on else residual
            out = out + self.gate * fine
        if gradient and pull is not None:
            slope = slope + coarse_at.contract(pull(asked))
        return FieldOutput(
            sdf=out[:, 0], gradient=0.5 * slope if gradient else None, feature=out[:, 1:], residual=residual
        )

    def color(
        self,
        points: Float[Tensor, "points 3"],
        directions: Float[Tensor, "points 3"] | None,
        gradient: Float[Tensor, "points 3"],
        feature: Float[Tensor, "points channels"],
    ) -> Float[Tensor, "points 3"]:
        """RGB in [0, 1] seen along unit `directions` (None: as in the coarse stage, without a direction)."""
        if directions is None:
            seen = points.new_zeros(len(points), self.direction_encoding.num_channels)
        else:
            seen = self.direction_encoding.features(directions * 0.5 + 0.5) * self.direction_gate
        return self.color_network(torch.cat([points, seen, gradient, feature], -1))

    def _nothing(self, points: Tensor) -> Tensor:
        """What a coarse field that is left out says."""
        return points.new_zeros(len(points), 1 + self.num_feature_channels)
