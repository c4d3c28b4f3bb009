"""What every in-painter is: a callable from an image and a mask to an image and a confidence."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8


@runtime_checkable
class Painter(Protocol):
    """Paints the pixels of `mask`.

    `known` are pixels of the object whose colour may be trusted; what is neither masked nor known is another surface,
    and may be read as context but does not belong to the object. `prompt` says what the object is; the same `seed`
    gives the same picture. Returns the painted image (unchanged outside the mask) and its confidence in [0, 1]
    (0 outside the mask and where nothing could be painted).
    """

    name: str

    def __call__(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        mask: Bool[np.ndarray, "height width"],
        *,
        known: Bool[np.ndarray, "height width"],
        prompt: str,
        seed: int,
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]]: ...
