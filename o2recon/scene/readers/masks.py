"""Pictures changed by a mask of the same frame."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Shaped

from o2recon.scene.capture import Picture


def valid_only(picture: Picture, mask: Picture) -> Picture:
    """Depth (or ids) that is 0 where `mask`, scaled to its size, is 0."""
    return replace(picture, stamp=f"{picture.stamp} {mask.stamp}", read=lambda: _where(picture.read(), mask.read()))


def one_object(mask: Picture) -> Picture:
    """The mask as ids: 1 where it is above half of 255 (of 1 where it holds nothing above 1), else 0."""
    return replace(mask, read=lambda: _binary(mask.read()))


def _where(image: Shaped[np.ndarray, "rows columns"], mask: np.ndarray) -> Shaped[np.ndarray, "rows columns"]:
    kept = (mask if mask.ndim == 2 else mask.max(-1)) > 0
    if kept.shape != image.shape:
        kept = cv2.resize(kept.astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return np.where(kept, image, image.dtype.type(0))


def _binary(mask: np.ndarray) -> np.ndarray:
    mask = mask if mask.ndim == 2 else mask.max(-1)
    return (mask > (127 if mask.max(initial=0) > 1 else 0)).astype(np.uint8)
