"""Normals that a network or files give, as cues."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.cues.axes import SIGNS, faces_camera, to_opencv
from o2recon.cues.maps import CueView, Maps


class NormalMaps:
    """Replaces the normals of the whole object, visible and in-painted, by those of `maps`.

    `keep_sensor`: only where sensor depth gives none, and not on hidden surface that other frames measured.
    """

    def __init__(self, *, maps: Maps, keep_sensor: bool) -> None:
        if maps.convention not in SIGNS:
            raise ValueError(f"cues.normal.maps gives '{maps.convention}' and no normals: choose {', '.join(SIGNS)}")
        self.maps, self.keep_sensor = maps, keep_sensor

    def converted(
        self, raw: Sequence[Float[np.ndarray, "_ _ 3"]], views: Sequence[CueView]
    ) -> tuple[list[Float[np.ndarray, "_ _ 3"]], float]:
        """Unit normals in our camera frame for the windows of `views`, and the share that faced away from the camera.

        No visible surface faces away: those normals are 0, no cue.
        """
        found, away, given = [], 0, 0
        for values, view in zip(raw, views, strict=True):
            normal = to_opencv(values, self.maps.convention)
            rays = unnormalized_rays(view.camera, pixel_centers(view.camera))
            wanted = (view.visible | view.sure) & (normal != 0).any(-1)
            use = wanted & faces_camera(normal, rays)
            away, given = away + int((wanted & ~use).sum()), given + int(wanted.sum())
            found.append(np.where(use[..., None], normal, 0).astype(np.float32))
        return found, away / max(given, 1)

    def merged(
        self,
        given: Float[np.ndarray, "height width 3"],
        sensor: Float[np.ndarray, "height width 3"],
        view: CueView,
    ) -> Float[np.ndarray, "height width 3"]:
        """The cue: `given` on the object's pixels; with `keep_sensor` only where `sensor` (which holds the completed
        surface's normals on hidden pixels) measured none."""
        use = view.visible | view.sure
        if self.keep_sensor:
            use &= ~((view.visible | view.observed) & (sensor != 0).any(-1)) & (given != 0).any(-1)
        return np.where(use[..., None], given, sensor).astype(np.float32)
