"""Weighted means that are zero, not nan, where nothing speaks."""

from jaxtyping import Float
from torch import Tensor


def weighted_mean(values: Float[Tensor, "*shape"], weights: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """sum(w v) / sum(w), and 0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
