"""Images of one camera carried to the pixel grid of another that shares its centre (a homography)."""

import cv2
import numpy as np
from jaxtyping import Bool, Num, Shaped

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera

AREA_ABOVE = 1.5
"""From this reduction on, colour is averaged over the covered area instead of interpolated between four pixels."""


class Registration:
    """Carries images of `source` to the grid of `target` by K_source K_target^-1. Made once, used for every frame."""

    def __init__(self, *, source: Camera, target: Camera) -> None:
        rays = unnormalized_rays(target, pixel_centers(target))
        at = (rays @ source.intrinsics.T)[..., :2]
        same = (source.width, source.height) == (target.width, target.height)
        self._identity = same and bool(np.abs(at - pixel_centers(target)).max() < 1e-2)
        self.covered: Bool[np.ndarray, "height width"] = (
            (at >= 0).all(-1) & (at[..., 0] <= source.width) & (at[..., 1] <= source.height)
        )
        column = np.clip(np.floor(at[..., 0]), 0, source.width - 1).astype(np.int32)
        row = np.clip(np.floor(at[..., 1]), 0, source.height - 1).astype(np.int32)
        self._nearest = row * source.width + column
        shrink = np.sqrt(
            source.intrinsics[0, 0] * source.intrinsics[1, 1] / target.intrinsics[0, 0] / target.intrinsics[1, 1]
        )
        self._size = (source.width, source.height)
        if shrink > AREA_ABOVE:
            self._size = (max(round(source.width / shrink), 1), max(round(source.height / shrink), 1))
        scale = np.array(self._size) / [source.width, source.height]
        x, y = np.moveaxis((at * scale - 0.5).astype(np.float32), -1, 0)
        self._map = (np.ascontiguousarray(x), np.ascontiguousarray(y))

    def smooth(self, image: Shaped[np.ndarray, "rows columns 3"]) -> Shaped[np.ndarray, "height width 3"]:
        """Colour: bilinear, after averaging where many source pixels fall on one. 0 where the source does not reach."""
        if self._identity:
            return image
        if self._size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        moved = cv2.remap(image, *self._map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved[~self.covered] = 0
        return moved

    def nearest(self, image: Num[np.ndarray, "rows columns"]) -> Num[np.ndarray, "height width"]:
        """Ids: the nearest source pixel's. 0 where the source does not reach."""
        if self._identity:
            return image
        return np.where(self.covered, image.ravel()[self._nearest], image.dtype.type(0))
