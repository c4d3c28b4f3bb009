"""Weighted means that are zero, not nan, where nothing speaks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Float
from torch import Tensor

Total = Callable[[Tensor], Tensor]
"""The sum of a scalar over all processes that have a part of the batch."""
_shared: ContextVar[tuple[Total, int] | None] = ContextVar("shared", default=None)


@contextmanager
def of_the_whole_batch(total: Total, processes: int) -> Iterator[None]:
    """Inside, a mean is this process's part of the mean over the whole batch, times the number of `processes`.

    What they get on average, and its gradients, is what one process with all rays would get."""
    token = _shared.set((total, processes) if processes > 1 else None)
    try:
        yield
    finally:
        _shared.reset(token)


def weighted_mean(values: Float[Tensor, "*shape"], weights: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """sum(w v) / sum(w), and 0 where all weights are 0. Weights are constants for gradients."""
    shared, weight = _shared.get(), weights.sum()
    if shared is None:
        return (values * weights).sum() / weight.clamp(min=1e-6)
    total, processes = shared
    return (values * weights).sum() * processes / total(weight).clamp(min=1e-6)


def mean(values: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """sum(v) / their number."""
    shared = _shared.get()
    if shared is None:
        return values.mean()
    total, processes = shared
    count = total(torch.full((), float(values.numel()), device=values.device))
    return values.sum() * processes / count.clamp(min=1)
