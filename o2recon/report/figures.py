"""Pictures for the page: input views with masks, in-painted views with confidence. All as JPEG data URLs."""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.report.colors import GUESSED, INPAINTED, SEEN, rgb
from o2recon.types import ViewRecord
from o2recon.workspace import ObjectFolder, read_image

_LOG = logging.getLogger(__name__)

_MASKS = (("possible", GUESSED), ("hidden", INPAINTED), ("visible", SEEN))


@dataclass(frozen=True)
class ViewFigure:
    """One view, cropped around the object. Data URLs; None where the stage left no file."""

    index: int
    held_out: bool
    width: int
    height: int
    overlay: str
    inpainted: str | None
    confidence: str | None


@dataclass(frozen=True)
class ViewPictures:
    """One view, cropped around the object: RGB, all of one size. None where the stage left no file.

    `box`: rows and columns of the full image that the pictures show.
    """

    view: ViewRecord
    box: tuple[slice, slice]
    input: UInt8[np.ndarray, "height width 3"]
    overlay: UInt8[np.ndarray, "height width 3"]
    inpainted: UInt8[np.ndarray, "height width 3"] | None
    confidence: UInt8[np.ndarray, "height width 3"] | None


@dataclass(frozen=True)
class HiddenShare:
    """What the masks claim: hidden / (visible + hidden) pixels, as mean and largest of all chosen views."""

    views: int
    mean: float
    largest: float


def to_jpeg(image: UInt8[np.ndarray, "height width 3"], quality: int) -> str:
    """RGB image -> data URL."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]  # keeps thin outlines coloured
    ok, buffer = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    assert ok
    return "data:image/jpeg;base64," + base64.b64encode(buffer.tobytes()).decode()


def spread(views: Sequence[ViewRecord], count: int) -> list[ViewRecord]:
    """`count` of the views, evenly spread over their order, the first and the last among them."""
    if len(views) <= count:
        return list(views)
    return [views[i] for i in np.unique(np.linspace(0, len(views) - 1, count).round().astype(int))]


def view_pictures(folder: ObjectFolder, view: ViewRecord, *, height: int) -> ViewPictures | None:
    """The pictures of one view, `height` pixels tall; None when its input image is not there (logged)."""
    image = _optional(folder.image("images", view.index))
    if image is None:
        _LOG.warning("%s is missing: the view is left out", folder.image("images", view.index))
        return None
    image = _three_channels(image)
    masks = {kind: _mask(folder, kind, view.index, image.shape[:2]) for kind, _ in _MASKS}
    box = _crop(np.any([m for m in masks.values()], axis=0))
    size = (max(1, round((box[1].stop - box[1].start) * height / (box[0].stop - box[0].start))), height)

    def scaled(full: np.ndarray) -> np.ndarray:
        interpolation = cv2.INTER_AREA if height < box[0].stop - box[0].start else cv2.INTER_CUBIC
        return cv2.resize(np.ascontiguousarray(full[box]), size, interpolation=interpolation)

    painted = _optional(folder.image("inpainted/image", view.index))
    confidence = _optional(folder.image("inpainted/confidence", view.index))
    if painted is not None:
        painted = _three_channels(_fit(painted, image.shape[:2]))
    if confidence is not None:
        confidence = _confidence_picture(image if painted is None else painted, confidence, masks["visible"])
    return ViewPictures(
        view=view,
        box=box,
        input=scaled(image),
        overlay=_paint(image[box], {k: m[box] for k, m in masks.items()}, size),
        inpainted=None if painted is None else scaled(painted),
        confidence=None if confidence is None else scaled(confidence),
    )


def view_figure(folder: ObjectFolder, view: ViewRecord, *, height: int, quality: int) -> ViewFigure | None:
    """The panels of one view; None when its input image is not there (logged)."""
    pictures = view_pictures(folder, view, height=height)
    if pictures is None:
        return None
    return ViewFigure(
        index=view.index,
        held_out=view.held_out,
        width=pictures.input.shape[1],
        height=height,
        overlay=to_jpeg(pictures.overlay, quality),
        inpainted=None if pictures.inpainted is None else to_jpeg(pictures.inpainted, quality),
        confidence=None if pictures.confidence is None else to_jpeg(pictures.confidence, quality),
    )


def thumbnail(folder: ObjectFolder, views: Sequence[ViewRecord], *, height: int, quality: int) -> str | None:
    """The best-scored view, cropped around the object, without overlays; None when no image is there."""
    for view in sorted(views, key=lambda v: -v.score)[:1]:
        image = _optional(folder.image("images", view.index))
        if image is None:
            continue
        image = _three_channels(image)
        crop = image[_crop(_mask(folder, "visible", view.index, image.shape[:2]))]
        width = max(1, round(crop.shape[1] * height / crop.shape[0]))
        return to_jpeg(cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=cv2.INTER_AREA), quality)
    return None


def hidden_share(folder: ObjectFolder, views: Sequence[ViewRecord]) -> HiddenShare | None:
    """None when no view has both masks, or none shows the object."""
    shares = []
    for view in views:
        visible, hidden = (_optional(folder.image(f"masks/{kind}", view.index)) for kind in ("visible", "hidden"))
        if visible is not None and hidden is not None and (visible.any() or hidden.any()):
            count = np.count_nonzero(hidden)
            shares.append(count / (count + np.count_nonzero(visible)))
    return HiddenShare(len(shares), float(np.mean(shares)), float(np.max(shares))) if shares else None


def render_pictures(folder: Path, *, height: int, quality: int, limit: int) -> list[tuple[str, str]]:
    """(name, data URL) of the pictures a run left in `renders/`, at most `limit`."""
    pictures = []
    for file in sorted(folder.glob("renders/*.png"))[:limit]:
        image = _optional(file)
        if image is not None:
            image = _three_channels(image)
            width = max(1, round(image.shape[1] * height / image.shape[0]))
            small = cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_AREA)
            pictures.append((file.stem, to_jpeg(small, quality)))
    return pictures


def _optional(file: Path) -> np.ndarray | None:
    """The image; None when it is not there or damaged (logged: one bad picture must not cost the page)."""
    if not file.is_file():
        return None
    try:
        return read_image(file)
    except ValueError as problem:
        _LOG.warning("%s", problem)
        return None


def _three_channels(image: np.ndarray) -> UInt8[np.ndarray, "height width 3"]:
    if image.dtype != np.uint8:
        image = np.clip(image // 256, 0, 255).astype(np.uint8)
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)


def _fit(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`image` on the grid of `shape`, nearest neighbour: stages may have stored another size."""
    if image.shape[:2] == shape:
        return image
    return cv2.resize(np.ascontiguousarray(image), shape[::-1], interpolation=cv2.INTER_NEAREST)


def _mask(folder: ObjectFolder, kind: str, view: int, shape: tuple[int, ...]) -> Bool[np.ndarray, "height width"]:
    mask = _optional(folder.image(f"masks/{kind}", view))
    return np.zeros(shape, bool) if mask is None else _fit(mask, shape) > 0


def _crop(mask: Bool[np.ndarray, "height width"]) -> tuple[slice, slice]:
    """The mask's box with a quarter of its size around it, at 4:3, inside the image; all of it for an empty mask."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, height), slice(0, width)
    need = max(1.4 * (rows[-1] + 1 - rows[0]), 1.4 * (columns[-1] + 1 - columns[0]) * 3 / 4, height / 4)
    tall = 3 * max(1, int(min(need, height, width * 3 / 4) / 3))
    wide = tall // 3 * 4
    top = int(np.clip((rows[0] + rows[-1] + 1 - tall) / 2, 0, height - tall))
    left = int(np.clip((columns[0] + columns[-1] + 1 - wide) / 2, 0, width - wide))
    return slice(top, top + tall), slice(left, left + wide)


def _paint(
    image: UInt8[np.ndarray, "height width 3"], masks: dict[str, np.ndarray], size: tuple[int, int]
) -> UInt8[np.ndarray, "out_height out_width 3"]:
    """Masks as a tint with an outline, drawn after resizing so that outlines keep their width."""
    interpolation = cv2.INTER_AREA if size[1] < image.shape[0] else cv2.INTER_CUBIC
    canvas = cv2.resize(np.ascontiguousarray(image), size, interpolation=interpolation).astype(np.float32)
    for kind, color in _MASKS:
        mask = cv2.resize(masks[kind].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        strength = {"visible": 0.28, "hidden": 0.5, "possible": 0.38}[kind]
        inside = mask > 0
        canvas[inside] = (1 - strength) * canvas[inside] + strength * rgb(color)
        canvas[(mask - cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1)) > 0] = rgb(color)
    return canvas.round().astype(np.uint8)


def _confidence_picture(
    image: UInt8[np.ndarray, "height width 3"], confidence: np.ndarray, visible: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture in grey, in-painted pixels in amber as strong as their confidence, visible ones lightly tinted."""
    share: Float[np.ndarray, "height width"] = _fit(confidence, image.shape[:2]).astype(np.float64) / 255
    canvas = 0.45 * np.repeat(image.mean(-1, keepdims=True), 3, -1) + 130
    canvas[visible] = 0.8 * canvas[visible] + 0.2 * rgb(SEEN)
    painted = (share > 0) & ~visible
    strength = (0.15 + 0.85 * share[painted])[:, None]
    canvas[painted] = (1 - strength) * canvas[painted] + strength * rgb(INPAINTED)
    return np.clip(canvas, 0, 255).round().astype(np.uint8)
