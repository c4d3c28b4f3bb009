"""Depth images with a second image that says how sure each pixel is."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from o2recon.scene.capture import Picture
from o2recon.scene.images import file_picture
from o2recon.scene.scene import DamagedFrame

LEVELS = ("low", "medium", "high")
"""ARKit's three (ARConfidenceLevel), counted from 0."""


def checked_level(least: int) -> int:
    """ValueError when an option names no level of ARKit's."""
    if least not in range(len(LEVELS)):
        raise ValueError(
            f"scene.reader.min_confidence is {least}; it may be 0 (keep all depth), 1 (medium) or 2 (high)"
        )
    return least


def confident_depth(depth: Path, confidence: Path, least: int, *, unit: int = 1) -> Picture:
    """A depth file that is 0 where the image `confidence`, divided by `unit` and rounded, is below `least`.

    Without that file, or with `least` 0, depth as it is. ValueError when one of the headers is damaged or sizes differ.
    """
    picture = file_picture(depth, "depth")
    if least == 0 or not confidence.is_file():
        return picture
    sure = file_picture(confidence, "ids")
    if sure.size != picture.size:
        sizes = "{}x{}, its depth {}x{}".format(*sure.size, *picture.size)
        raise ValueError(f"{confidence} is {sizes}: both must have one size")
    return Picture(
        source=picture.source,
        size=picture.size,
        stamp=f"{picture.stamp} {sure.stamp} {least}",
        read=lambda: masked(picture.read(), np.rint(sure.read() / unit) >= least, picture.source),
    )


def masked(
    depth: Shaped[np.ndarray, "rows columns"], sure: Shaped[np.ndarray, "other_rows other_columns"], source: str
) -> Shaped[np.ndarray, "rows columns"]:
    """Depth where `sure`, else 0. DamagedFrame when their sizes differ."""
    if depth.shape != sure.shape:
        raise DamagedFrame(f"{source}: depth is {depth.shape[::-1]}, its confidence {sure.shape[::-1]} pixels")
    return np.where(sure, depth, depth.dtype.type(0))
