"""One colour per surface point of a field whose colour depends on the direction it is looked at from."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

_LEAST = 0.02
"""Weight of a direction from which the surface is turned away: what no view faced has the mean of all."""


class SurfaceColor:
    """Mean of the colours along the directions that training looked along, weighted by how squarely they meet.

    A field knows its colour from where its cameras stood, nowhere else: asked straight against the normal, as O2-Recon
    does, it answers for directions that it never learnt.
    `directions`: unit, object frame, from the cameras to the object.
    """

    def __init__(self, field: Any, directions: Float[Tensor, "views 3"]) -> None:
        self._field, self._directions = field, directions

    def __call__(
        self, points: Float[Tensor, "points 3"], normals: Float[Tensor, "points 3"]
    ) -> Float[Tensor, "points 3"]:
        """RGB in [0, 1] at surface points with unit outward normals, both in the object frame."""
        out = self._field.sdf_and_gradient(points)
        directions = self._directions.to(points)
        weights = (-normals @ directions.T).clamp(min=_LEAST)
        weights = weights / weights.sum(1, keepdim=True)
        total = points.new_zeros(points.shape)
        for direction, weight in zip(directions, weights.T, strict=True):
            total += weight[:, None] * self._field.color(points, direction.expand_as(points), out.gradient, out.feature)
        return total
