"""The pictures of the cameras: a whole view as it was taken, with its masks, or in-painted."""

import logging
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from o2recon.report.colors import GUESSED, INPAINTED, SEEN, rgb
from o2recon.web.nodes import CameraNode
from o2recon.workspace import ObjectFolder, read_image

_LOG = logging.getLogger(__name__)

_PICTURES = 300
_MASKS = (("possible", GUESSED, 0.4), ("hidden", INPAINTED, 0.55), ("visible", SEEN, 0.4))


@lru_cache(_PICTURES)
def picture(node: CameraNode, *, height: int) -> UInt8[np.ndarray, "height width 3"] | None:
    """The camera's picture, at most `height` pixels high; None when nothing is wanted or no file is there (logged)."""
    folder = ObjectFolder(node.folder)
    if node.picture == "none":
        return None
    kind = "inpainted/image" if node.picture == "in-painted" else "images"
    image = _optional(folder.image(kind, node.index))
    if image is None:
        return None
    image = np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, -1))
    if image.shape[0] > height:
        width = max(1, round(image.shape[1] * height / image.shape[0]))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return _with_masks(image, folder, node.index) if node.picture == "masks" else image


def _with_masks(image: np.ndarray, folder: ObjectFolder, view: int) -> UInt8[np.ndarray, "height width 3"]:
    canvas = image.astype(np.float32)
    for kind, color, strength in _MASKS:
        mask = _optional(folder.image(f"masks/{kind}", view))
        if mask is not None:
            size = image.shape[1::-1]
            inside = cv2.resize(np.ascontiguousarray(mask), size, interpolation=cv2.INTER_NEAREST) > 0
            canvas[inside] = (1 - strength) * canvas[inside] + strength * rgb(color)
    return canvas.round().astype(np.uint8)


def _optional(file: Path) -> np.ndarray | None:
    try:
        return read_image(file)
    except ValueError as problem:
        _LOG.warning("%s: the camera is drawn without it", problem)
        return None
