"""The processes that train one object together, as each of them sees the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors


@dataclass(frozen=True)
class Peers:
    """Process `rank` of `size` on `device`; alone, where nothing has to be agreed on, unless told otherwise.

    All of them make the same calls in the same order: each waits for the others.
    """

    device: torch.device
    rank: int = 0
    size: int = 1
    backend: str = ""

    @property
    def share(self) -> slice:
        """Of the rows of a batch, this process's."""
        return slice(None) if self.size == 1 else slice(self.rank, None, self.size)

    @property
    def can_be_captured(self) -> bool:
        """Whether what they tell each other may be part of a CUDA graph."""
        return self.size == 1 or self.backend == "nccl"

    def total(self, value: Tensor) -> Tensor:
        """The sum of all processes' `value`; a constant for gradients."""
        total = value.detach().clone()
        if self.size > 1:
            dist.all_reduce(total)
        return total

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each by its mean over the processes, with one message for all of them."""
        if self.size == 1 or not tensors:
            return
        flat = _flatten_dense_tensors(tensors)
        dist.all_reduce(flat)
        flat /= self.size
        torch._foreach_copy_(list(tensors), _unflatten_dense_tensors(flat, tensors))

    def copy_first(self, tensors: Sequence[Tensor]) -> None:
        """Give all processes what the first one has."""
        for tensor in tensors if self.size > 1 else ():
            dist.broadcast(tensor.detach(), src=0)

    def said_by_first(self, value: Any) -> Any:
        """The first process's plain `value`, in all of them."""
        if self.size == 1:
            return value
        told = [value]
        dist.broadcast_object_list(told, src=0, device=self.device)
        return told[0]
