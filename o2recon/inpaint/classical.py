"""OpenCV's in-painting, kept to the object's own colours."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

ALGORITHMS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}


class Classical:
    """Telea's fast marching (`telea`) or Navier-Stokes (`navier_stokes`) in-painting; needs no weights and no seed.

    Every pixel that does not belong to the object is first replaced by the nearest colour of the object, so that
    neither occluder nor background bleeds in. `confidence` is what such a guess is worth, at most.
    """

    def __init__(self, *, algorithm: str, radius_px: int, confidence: float) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"inpaint.painter.algorithm is '{algorithm}': choose one of {', '.join(ALGORITHMS)}")
        self.name = algorithm
        self.radius_px = radius_px
        self.confidence = confidence

    def __call__(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        mask: Bool[np.ndarray, "height width"],
        *,
        known: Bool[np.ndarray, "height width"],
        prompt: str,
        seed: int,
    ) -> tuple[UInt8[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]]:
        """See `Painter`. Confidence 0 everywhere when no pixel of the object is known."""
        source = known & ~mask
        if not mask.any() or not source.any():
            return image.copy(), np.zeros(mask.shape, np.float32)
        extended = nearest_color(image, source)
        painted = cv2.inpaint(extended, mask.astype(np.uint8), self.radius_px, ALGORITHMS[self.name])
        result = np.where(mask[..., None], painted, image)
        return result, np.where(mask, self.confidence, 0).astype(np.float32)


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
