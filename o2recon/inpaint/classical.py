"""OpenCV's in-painting, kept to the object's own colours."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from o2recon.inpaint.painter import Painted, Request

ALGORITHMS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}


class Classical:
    """Telea's fast marching (`telea`) or Navier-Stokes (`navier_stokes`) in-painting; needs no weights and no seed.

    Every pixel that does not belong to the object is first replaced by the nearest colour of the object, so that
    neither occluder nor background bleeds in. Drafts stay as they are. `confidence` is what such a guess is worth, at
    most.
    """

    batch_size = 1
    draws = False
    alone = 1.0

    def __init__(self, *, algorithm: str, radius_px: int, confidence: float) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"inpaint.painter.algorithm is '{algorithm}': choose one of {', '.join(ALGORITHMS)}")
        self.name = algorithm
        self.radius_px = radius_px
        self.confidence = confidence

    def on(self, device: str) -> "Classical":
        """Itself: it works anywhere."""
        return self

    def __call__(self, requests: Sequence[Request], *, cache: Path) -> list[Painted]:
        """See `Painter`. Confidence 0 in a view where no pixel of the object is known."""
        return [self._paint(request) for request in requests]

    def release(self) -> None:
        """It holds nothing."""

    def _paint(self, request: Request) -> Painted:
        source = (request.known | request.drafted) & ~request.empty
        wanted = request.empty | request.drafted
        if not source.any() or not wanted.any():
            return Painted(request.image.copy(), np.zeros(wanted.shape, np.float32))
        image = request.image
        if request.empty.any():
            extended = nearest_color(image, source)
            painted = cv2.inpaint(extended, request.empty.astype(np.uint8), self.radius_px, ALGORITHMS[self.name])
            image = np.where(request.empty[..., None], painted, image)
        return Painted(image.copy(), np.where(wanted, self.confidence, 0).astype(np.float32))


def nearest_color(
    image: UInt8[np.ndarray, "height width 3"], source: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Every pixel takes the colour of the nearest source pixel. `source` must not be empty."""
    _, label = cv2.distanceTransformWithLabels(
        (~source).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((label.max() + 1, 3), np.uint8)
    table[label[source]] = image[source]
    return np.ascontiguousarray(table[label])
