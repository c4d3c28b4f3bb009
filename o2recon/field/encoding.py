"""What an encoding is: features of a point, and the gradient of a scalar function of them, as forward operations."""

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from jaxtyping import Float, Int
from torch import Tensor, nn


class Contraction(Protocol):
    """g = d(scalar)/d(features) -> d(scalar)/d(points), differentiable in g and in the encoding's own parameters."""

    def __call__(self, g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]: ...


class Encoded(NamedTuple):
    """Features of some points together with the contraction that belongs to exactly these points."""

    features: Float[Tensor, "points channels"]
    contract: Contraction


class Encoding(nn.Module, ABC):
    """Points in the unit cube -> features.

    Several objects may be asked for at once: `objects` holds one object index per block of points, all blocks equally
    long, block b being points [b n / blocks, (b + 1) n / blocks). Without it everything belongs to object 0.
    """

    num_channels: int

    def set_active_levels(self, active: float) -> None:
        """How many levels speak, the last one perhaps in part; an encoding without levels ignores it."""

    @abstractmethod
    def features(
        self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None
    ) -> Float[Tensor, "points channels"]:
        """Features only: the cheap way where no gradient with respect to the points is wanted."""

    @abstractmethod
    def encode(self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None) -> Encoded:
        """Features, and how a gradient with respect to them becomes a gradient with respect to the points."""


def block_length(points: Tensor, objects: Tensor) -> int:
    """Points per block; raises ValueError where the blocks would not be equally long."""
    if points.shape[0] % objects.shape[0]:
        raise ValueError(f"{points.shape[0]} points do not split into {objects.shape[0]} equal blocks, one per object")
    return points.shape[0] // objects.shape[0]
