"""What networks that make maps of pictures are to the stages that are handed one."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8


@runtime_checkable
class Network(Protocol):
    """Pictures of one size to one map each, as one batch. `convention`: in which terms, see whoever reads the maps.

    `identity`: what decides a map beside the picture.
    """

    convention: str

    @property
    def obstacle(self) -> str | None: ...
    @property
    def identity(self) -> str: ...
    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width ..."]]: ...
    def release(self) -> None: ...
