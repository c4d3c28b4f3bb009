"""Depth in millimetres, for layouts whose files say their own unit."""

from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Shaped

from o2recon.scene.capture import Picture

MILLIMETRES = 1000.0


def in_millimetres(picture: Picture, units_per_metre: float) -> Picture:
    """The same depth in millimetres; untouched when that is its unit. 65535, the largest of 16 bits, is none: 0."""
    if units_per_metre == MILLIMETRES:
        return picture
    return replace(picture, read=partial(_read, picture, np.float32(MILLIMETRES / units_per_metre)))


def _read(picture: Picture, factor: np.float32) -> Shaped[np.ndarray, "rows columns"]:
    depth = picture.read()
    return np.where(depth < 65535, depth * factor, np.float32(0))
