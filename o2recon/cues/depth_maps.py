"""Depth that a network or files give, aligned to the sensor's, as a cue."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.cues.maps import CueView, Maps
from o2recon.inpaint import CONVENTIONS, align, aligned_depth, plain_depth


@dataclass(frozen=True)
class DepthCue:
    """z in metres of the object in a window, 0 = unknown, and its standard deviation beside the sensor's noise."""

    depth: Float[np.ndarray, "height width"]
    sigma: Float[np.ndarray, "height width"]


class DepthMaps:
    """Depth of `maps` where the object was not measured: gaps in sensor depth, in-painted pixels that no frame saw.

    It is aligned to the valid sensor depth of the object in the same view by robust scale and shift, and joined on
    without a step. `keep_sensor` false: it also replaces the sensor's depth, by scale and shift alone. Views with fewer
    than `min_pixels` of sensor depth, or where near and far come out swapped, stay as they were.
    """

    def __init__(self, *, maps: Maps, keep_sensor: bool, min_pixels: int) -> None:
        if maps.convention not in CONVENTIONS:
            raise ValueError(f"cues.depth.maps gives '{maps.convention}' and no depth: choose {', '.join(CONVENTIONS)}")
        self.maps, self.keep_sensor, self.min_pixels = maps, keep_sensor, min_pixels

    def __call__(
        self,
        raw: Float[np.ndarray, "height width"],
        view: CueView,
        completed: Float[np.ndarray, "height width"],
        measured: Float[np.ndarray, "height width"],
        nearest: Float[np.ndarray, "height width"],
    ) -> DepthCue | None:
        """None when the view cannot be aligned.

        `completed`: the object's depth so far. `measured`: the sensor's, on visible pixels that surely are the object.
        `nearest`: what covers a hidden pixel; its surface is at least that far.
        """
        found = align(raw, measured, measured > 0, min_pixels=self.min_pixels, convention=self.maps.convention)
        if found is None:
            return None
        if self.keep_sensor:
            known = (measured > 0) | (view.observed & (completed > 0))
            truth = np.where(measured > 0, measured, completed)
            gap = (view.visible & (completed <= 0)) | (view.sure & ~view.observed)
            made = aligned_depth(found, raw, truth, known, gap)
        else:
            made = np.where(view.visible | (view.sure & ~view.observed), plain_depth(found, raw), 0)
        made = np.where(view.hidden & (made > 0), np.maximum(made, nearest), made)
        depth = np.where(made > 0, made, completed).astype(np.float32)
        return DepthCue(depth, np.where(made > 0, found.sigma(made), 0).astype(np.float32))
