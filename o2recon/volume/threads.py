"""Compiled loops over the planes of a grid on several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from typing import Any

import torch


class Planes:
    """Calls `kernel(first, last)` for runs of a grid's planes, one run for each of torch's threads, and waits.

    A context: its threads end with it.
    """

    def __init__(self, num_planes: int) -> None:
        count = max(1, min(torch.get_num_threads(), num_planes))
        self._runs = list(pairwise(num_planes * n // count for n in range(count + 1)))
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def __enter__(self) -> "Planes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def __call__(self, kernel: Callable[[int, int], Any]) -> list[Any]:
        """What the calls return, in the order of the planes."""
        if self._pool is None:
            return [kernel(*run) for run in self._runs]
        return list(self._pool.map(lambda run: kernel(*run), self._runs))


def over_planes(kernel: Callable[[int, int], Any], num_planes: int) -> list[Any]:
    """One such call."""
    with Planes(num_planes) as planes:
        return planes(kernel)
