"""Outlines in images of object ids."""

import cv2
import numpy as np
from jaxtyping import Float, Int


def outline_distance(instance: Int[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """Pixels from each one's centre to the nearest place where the id changes, 0.5 or more; the image border is none.

    Large where nothing changes in the whole image.
    """
    inner = np.ones(instance.shape, np.uint8)
    across, down = instance[:, 1:] != instance[:, :-1], instance[1:] != instance[:-1]
    inner[:, 1:][across] = inner[:, :-1][across] = 0
    inner[1:][down] = inner[:-1][down] = 0
    return cv2.distanceTransform(inner, cv2.DIST_L2, 5) + np.float32(0.5)
