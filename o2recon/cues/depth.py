"""Sensor depth as a cue: only where it surely belongs to the object."""

import cv2
import numpy as np
from jaxtyping import Bool, Float


def surface_depth(
    depth: Float[np.ndarray, "height width"],
    mask: Bool[np.ndarray, "height width"],
    sigma: Float[np.ndarray, "height width"],
    *,
    jump: float,
    num_sigmas: float,
) -> Float[np.ndarray, "height width"]:
    """Depth (z, metres) within the mask, 0 elsewhere and on pixels that stand alone.

    A pixel stands alone when it differs from the median of its 5x5 neighbourhood by more than `jump` + `num_sigmas`
    sigma: mixed pixels that hang between two surfaces.
    """
    kept = np.where(mask & (depth > 0), depth, 0).astype(np.float32)
    median = cv2.medianBlur(kept, 5)
    lonely = (median > 0) & (np.abs(kept - median) > jump + num_sigmas * sigma)
    return np.where(lonely, 0, kept).astype(np.float32)
