"""Pictures for the page: a view, its thumbnail around the object, and what sketches do to the hidden mask in it."""

import base64

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from o2recon.masks import Claims
from o2recon.report.colors import INPAINTED, rgb
from o2recon.web.annotator.session import SessionView

THUMBNAIL = 200
"""Pixels of a thumbnail's longer side."""
PAINTED = "#12b886"
"""What a sketch adds; the page's own paint has the same colour."""
LOST = "#868e96"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 90]
_ALPHA = 190


def picture(view: SessionView) -> bytes:
    """The whole view as JPEG."""
    return _jpeg(view.frame.color)


def thumbnail(view: SessionView) -> bytes:
    """The view around the object as JPEG."""
    return _jpeg(_shrunk(view.frame.color[view.window.crop.window], cv2.INTER_AREA))


def overlay(view: SessionView, after: Claims) -> str:
    """Over the thumbnail, as a data URI: hidden before and after, added and lost by the sketches. Else transparent."""
    before, now = view.before.hidden, after.hidden
    image = np.zeros((*before.shape, 4), np.uint8)
    for mask, color in ((before & now, INPAINTED), (now & ~before, PAINTED), (before & ~now, LOST)):
        image[mask] = (*rgb(color)[::-1], _ALPHA)
    ok, data = cv2.imencode(".png", _shrunk(image, cv2.INTER_NEAREST), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert ok
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def outline(view: SessionView, mask: Bool[np.ndarray, "rows columns"]) -> str:
    """A mask of the window as base64 of its bits on the whole image."""
    return base64.b64encode(np.packbits(view.full(mask)).tobytes()).decode()


def _shrunk(image: UInt8[np.ndarray, "height width channels"], interpolation: int) -> np.ndarray:
    height, width = image.shape[:2]
    factor = THUMBNAIL / max(height, width)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return cv2.resize(image, size, interpolation=interpolation)


def _jpeg(image: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".jpg", image[..., ::-1], _JPEG)
    assert ok
    return bytes(data.tobytes())
