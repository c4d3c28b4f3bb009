"""A function of many points, asked part after part: memory for one part is enough."""

import logging
from collections.abc import Callable

from torch import Tensor

from o2recon.machine import give_memory_back, out_of_memory

_LOG = logging.getLogger(__name__)
_LEAST = 256
"""Rows; where they are too many, so is everything else."""


class InChunks:
    """Calls `function` with at most `chunk` rows of its inputs at once; where memory is short with half as many, from
    then on."""

    def __init__(self, function: Callable[..., Tensor], *, chunk: int) -> None:
        self.function, self.chunk = function, chunk

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The results of the parts, in order. Raises what `function` raises, when fewer rows do not help."""
        parts: list[Tensor] = []
        start = 0
        while start < len(inputs[0]):
            stop = start + self.chunk
            try:
                parts.append(self.function(*(rows[start:stop] for rows in inputs)))
                start = stop
                continue
            except (RuntimeError, MemoryError) as error:
                if out_of_memory(error) is None or self.chunk < 2 * _LEAST:
                    raise
            self.chunk //= 2
            _LOG.warning("memory is short: the field is asked at %d points at once", self.chunk)
            give_memory_back()  # the error is not held any more
        return parts
