"""The colours of the page: one hue per kind of evidence, in masks, bars and meshes alike, and one scale for errors.

Evidence has the hues of the pictures in `renders/`. Errors run from pale to purple, which none of those hues is.
"""

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.mesh.evidence import GUESSED as _GUESSED
from o2recon.mesh.evidence import INPAINTED as _INPAINTED
from o2recon.mesh.evidence import SEEN as _SEEN
from o2recon.mesh.evidence import Evidence

_HUES = Evidence(np.zeros(3, np.float32), np.array([_SEEN, _INPAINTED, _GUESSED], np.uint8)).colors
SEEN, INPAINTED, GUESSED = ("#" + bytes(hue.tolist()).hex() for hue in _HUES)
"""Seen by some frame, a visible mask; claimed by in-painting, a hidden mask; only permitted, a possible mask."""
CLAY = "#c9c3b8"
"""A mesh without colours of its own."""
ERROR_SCALE = ("#e3ebe7", "#f3cfa9", "#ee8a80", "#c93d86", "#7a1fa2")
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


def evidence_colors(evidence: Evidence) -> UInt8[np.ndarray, "vertices 3"]:
    """Colours per vertex; in-painted ones are the paler the less confident."""
    strength = np.where(evidence.source == _INPAINTED, 0.4 + 0.6 * np.clip(evidence.value, 0, 1), 1.0)[:, None]
    return (255 * (1 - strength) + evidence.colors * strength).round().astype(np.uint8)
