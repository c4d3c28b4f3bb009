"""The colours of the page: one hue per kind of evidence, in masks, bars and meshes alike, and one scale for errors.

Blue-green, amber and violet keep apart under the common colour blindnesses; the error scale runs blue to red.
"""

import numpy as np
from jaxtyping import Float, Int, UInt8

SEEN = "#12a594"
"""Seen by some frame; a visible mask."""
INPAINTED = "#f0a020"
"""Claimed by in-painting; a confirmed hidden mask."""
GUESSED = "#9466d8"
"""Only permitted; a possible mask."""
CLAY = "#c9c3b8"
"""A mesh without colours of its own."""
ERROR_SCALE = ("#3b6fb5", "#a6d3e6", "#f7d27a", "#ee7f4b", "#b51f2e")
"""From no error to the full range, evenly spaced."""


def rgb(color: str) -> Float[np.ndarray, "3"]:
    """RGB in [0, 255] of "#rrggbb"."""
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], float)


def error_colors(distance: Float[np.ndarray, "points"], limit: float) -> UInt8[np.ndarray, "points 3"]:
    """Colours of distances in [0, limit] on ERROR_SCALE; beyond `limit` the last colour. Same unit for both."""
    stops = np.stack([rgb(c) for c in ERROR_SCALE])
    position = np.clip(distance / limit, 0, 1)
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(position, places, stops[:, i]) for i in range(3)], -1).round().astype(np.uint8)


def evidence_colors(
    source: Int[np.ndarray, "points"], evidence: Float[np.ndarray, "points"]
) -> UInt8[np.ndarray, "points 3"]:
    """Colours of `source` (2 seen, 1 in-painted, 0 guessed); in-painted ones pale with their confidence in [0, 1]."""
    colors = np.stack([rgb(GUESSED), rgb(INPAINTED), rgb(SEEN)])[np.clip(source, 0, 2)]
    strength = np.where(source == 1, 0.4 + 0.6 * np.clip(evidence, 0, 1), 1.0)[:, None]
    return (255 * (1 - strength) + colors * strength).round().astype(np.uint8)
