"""Masks of captures, and pictures changed by them."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Shaped

from o2recon.scene.capture import Picture
from o2recon.scene.headers import check_png, read_header
from o2recon.scene.images import file_picture, file_stamp
from o2recon.scene.scene import DamagedFrame


def mask_picture(path: Path) -> Picture:
    """A mask of one channel or of colours, PNG or JPEG, as it is stored. ValueError when it is no image."""
    return file_picture(path, "ids" if read_header(path).channels == 1 else "color")


def alpha_picture(path: Path) -> Picture | None:
    """The opacity of an image, 8 or 16 bits; None when it has none. ValueError when it is no image."""
    header = read_header(path)
    if header.channels not in (2, 4):
        return None
    return Picture(f"{path} (opacity)", (header.width, header.height), file_stamp(path), partial(_alpha, path))


def valid_only(picture: Picture, mask: Picture) -> Picture:
    """Depth that is 0 where `mask`, scaled to its size, is off."""
    return replace(picture, stamp=f"{picture.stamp} {mask.stamp}", read=lambda: _where(picture.read(), mask.read()))


def one_object(mask: Picture) -> Picture:
    """The mask as ids: 1 where it is on, else 0."""
    return replace(mask, read=lambda: _on(mask.read()).astype(np.uint8))


def _on(mask: Shaped[np.ndarray, "rows columns *channels"]) -> Bool[np.ndarray, "rows columns"]:
    """Above half of what its numbers can be; above 0 where it holds nothing above 1."""
    mask = mask if mask.ndim == 2 else mask.max(-1)
    return mask > (np.iinfo(mask.dtype).max // 2 if mask.max(initial=0) > 1 else 0)


def _where(image: Shaped[np.ndarray, "rows columns"], mask: np.ndarray) -> Shaped[np.ndarray, "rows columns"]:
    kept = _on(mask)
    if kept.shape != image.shape:
        kept = cv2.resize(kept.astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return np.where(kept, image, image.dtype.type(0))


def _alpha(path: Path) -> Shaped[np.ndarray, "rows columns"]:
    try:
        data = path.read_bytes()
        check_png(str(path), data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, ValueError, cv2.error) as error:
        raise DamagedFrame(f"{path} cannot be read: {str(error).strip().splitlines()[0]}") from error
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise DamagedFrame(f"{path} cannot be decoded with its opacity")
    return np.ascontiguousarray(image[..., 3])
