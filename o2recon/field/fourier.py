"""Positional encoding: the coordinates themselves and sines and cosines of a few octaves; smooth by construction."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from o2recon.field.encoding import Encoded, Encoding


class Fourier(Encoding):
    """[x, sin(2^k w x), cos(2^k w x)] for k < num_octaves, on x mapped from the unit cube to [-1, 1]; one object.

    w = `fundamental`: pi in NeRF's equation 4, 1 in its code, in NeuS and in what followed them.
    """

    frequencies: Tensor

    def __init__(self, *, num_octaves: int, fundamental: float = torch.pi) -> None:
        super().__init__()
        self.num_octaves = num_octaves
        self.num_channels = 3 + 6 * num_octaves
        self.register_buffer("frequencies", fundamental * 2.0 ** torch.arange(num_octaves), persistent=False)

    def _waves(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = points * 2 - 1
        phase = x[:, None, :] * self.frequencies.to(points.dtype)[:, None]
        return x, phase.sin(), phase.cos()

    def features(
        self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None
    ) -> Float[Tensor, "points channels"]:
        return self.encode(points, objects).features

    def encode(self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None) -> Encoded:
        assert objects is None, "the positional encoding has no tables to choose from"
        x, sin, cos = self._waves(points)
        frequencies = self.frequencies.to(points.dtype)[:, None]

        def contract(g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]:
            direct = g[:, :3]
            of_sin, of_cos = g[:, 3:].view(-1, 2, self.num_octaves, 3).unbind(1)
            return 2 * (direct + (frequencies * (of_sin * cos - of_cos * sin)).sum(1))

        return Encoded(torch.cat([x, sin.flatten(1), cos.flatten(1)], -1), contract)
