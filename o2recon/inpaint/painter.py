"""What every in-painter is: a callable from what is asked of single views to images with a confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.types import ViewRecord


@dataclass(frozen=True)
class Request:
    """One view to paint. `empty` and `drafted` are disjoint; both get painted.

    `image`: the view. `empty`: nothing is known of these pixels. `drafted`: their colour in `image` comes from another
    view's in-painting; it may be harmonised with its surroundings, not invented anew. `known`: pixels of the object
    whose colour may be trusted; everything else is another surface, context that does not belong to the object.
    `prompt` says what the object is; the same `seed` gives the same picture. `view`: what it is a
    picture of.
    """

    image: UInt8[np.ndarray, "height width 3"]
    empty: Bool[np.ndarray, "height width"]
    drafted: Bool[np.ndarray, "height width"]
    known: Bool[np.ndarray, "height width"]
    prompt: str
    seed: int
    view: ViewRecord | None = None


@dataclass(frozen=True)
class Painted:
    """The image, unchanged outside `empty` and `drafted`, and how sure it is in [0, 1]: 0 there and where the painter
    gave up."""

    image: UInt8[np.ndarray, "height width 3"]
    confidence: Float[np.ndarray, "height width"]


@runtime_checkable
class Painter(Protocol):
    """`batch_size`: how many requests it likes to get at once. `draws`: its pictures depend on the seed.

    `confidence` is the most that a pixel of it is worth, `alone` the share of that for a pixel that no other view's
    in-painting can be compared with. `cache`: a folder for what it may want to find again.
    """

    batch_size: int
    draws: bool
    confidence: float
    alone: float

    @property
    def name(self) -> str: ...

    def on(self, device: str) -> "Painter":
        """The painter that works on this device: itself, or the one that it stands for."""
        ...

    def __call__(self, requests: Sequence[Request], *, cache: Path) -> list[Painted]: ...

    def release(self) -> None:
        """Give back what only painting needs."""
        ...
