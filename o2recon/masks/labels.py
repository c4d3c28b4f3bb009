"""What every pixel of a view says about one object: visible, another surface, or nothing (rules.md, 'Pixel labels')."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class PixelLabels:
    """Three exclusive masks that cover the image, and the depth they were judged by.

    `depth` (metres, z) is the sensor's; in thin drop-out that is not the object's alone it is the farthest measurement
    of another surface nearby, so that a z-test against it errs towards not claiming. 0 where nothing is known.
    """

    visible: Bool[np.ndarray, "height width"]
    other: Bool[np.ndarray, "height width"]
    unknown: Bool[np.ndarray, "height width"]
    depth: Float[np.ndarray, "height width"]


LARGEST_DISC = 6
"""Pixels; a larger disc is a sum of several, which cost its radius instead of its area."""


def disc(radius: int) -> np.ndarray:
    """Round structuring element, 2 radius + 1 pixels wide."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def largest_within(image: np.ndarray, radius: int) -> np.ndarray:
    """The largest value within `radius` of every pixel: a dilation by a disc."""
    for start in range(0, radius, LARGEST_DISC):
        image = cv2.dilate(image, disc(min(LARGEST_DISC, radius - start)))
    return image


def dilate(mask: Bool[np.ndarray, "height width"], radius: int) -> Bool[np.ndarray, "height width"]:
    """Pixels within `radius` of the mask."""
    return largest_within(mask.astype(np.uint8), radius) > 0


def erode(mask: Bool[np.ndarray, "height width"], radius: int) -> Bool[np.ndarray, "height width"]:
    """Pixels of the mask farther than `radius` from its outside; the image border does not count as outside."""
    return ~dilate(~mask, radius)


def wide_gaps(invalid: Bool[np.ndarray, "height width"], *, dropout_px: int) -> Bool[np.ndarray, "height width"]:
    """The part of `invalid` that is no ordinary drop-out: areas that hold a disc wider than `dropout_px`.

    What hangs on such an area is part of it; beyond the image border everything counts as invalid.
    """
    radius = dropout_px // 2 + 1
    return dilate(erode(invalid, radius), radius + dropout_px) & invalid


def pixel_labels(
    instance: Int[np.ndarray, "height width"],
    depth: Float[np.ndarray, "height width"],
    object_id: int,
    *,
    dropout_px: int,
) -> PixelLabels:
    """Labels of one view for one object. `depth` in metres, 0 where nothing was measured.

    A pixel with the object's id is visible, with or without depth. Drop-out up to `dropout_px` wide takes the label of
    its surroundings; where these are both the object and something else, it is unknown, but not without depth.
    """
    named = instance == object_id
    invalid = depth <= 0
    unknown = wide_gaps(invalid, dropout_px=dropout_px) & ~named
    thin = invalid & ~unknown & ~named
    near_object = dilate(named, dropout_px)
    surface = ~invalid & ~named
    near_other = dilate(surface, dropout_px)
    undecided = thin & near_object & near_other & (instance == 0)
    joined = thin & near_object & ~near_other
    visible = named | joined
    unknown = unknown | undecided
    other = ~visible & ~unknown
    farthest = largest_within(np.where(surface, depth, 0).astype(np.float32), dropout_px)
    filled = np.where(thin & (other | undecided), farthest, depth).astype(np.float32)
    lost = other & (filled <= 0)
    return PixelLabels(visible, other & ~lost, unknown | lost, filled)
