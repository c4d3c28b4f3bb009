"""View scores by CLIP: how much the square crop around the object looks like its name."""

import json
import logging
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, Shaped

from o2recon.objects.views import AreaSharpness
from o2recon.types import Frame, ObjectRecord
from o2recon.workspace import ObjectFolder, read_image, write_json

log = logging.getLogger(__name__)
SCORES = "clip_scores.json"


@runtime_checkable
class Encoder(Protocol):
    """What scoring needs to know of a network; see models.clip."""

    @property
    def obstacle(self) -> str | None: ...

    @property
    def identity(self) -> str: ...

    def on(self, device: str) -> "Encoder": ...

    def similarity(self, picture: Float[np.ndarray, "height width 3"], text: str) -> float: ...


class ClipSimilarity:
    """Cosine between the square crop around the object's mask, `margin` of its side wider all around, and `prompt`,
    in which '{category}' is the object's category (O2-Recon, view choice).

    Where the network cannot run `otherwise` scores instead, and the log says so; None: that is an error.
    """

    def __init__(self, *, encoder: Encoder, otherwise: AreaSharpness | None, prompt: str, margin: float) -> None:
        self.encoder, self.otherwise, self.prompt, self.margin = encoder, otherwise, prompt, margin
        self._device = "cpu"

    def on(self, device: str) -> None:
        """Where the network runs."""
        self._device = device

    @property
    def runs(self) -> bool:
        """The network scores, not its replacement. Without a replacement it is tried in any case."""
        return self.otherwise is None or self.encoder.obstacle is None

    @property
    def identity(self) -> str:
        """What decides the scores, besides the config."""
        return self.encoder.identity if self.runs else "without CLIP"

    def prepare(self) -> None:
        """Load the network, or say why it does not score. ValueError without weights or replacement."""
        if self.runs:
            self.encoder.on(self._device)
        else:
            log.info("views are scored by area and sharpness, not by CLIP: %s", self.encoder.obstacle)

    def __call__(self, frame: Frame, mask: Bool[np.ndarray, "height width"], category: str) -> float:
        """In [-1, 1], -1 for an empty mask; call `prepare` first."""
        if not self.runs:
            assert self.otherwise is not None
            return self.otherwise(frame, mask)
        return crop_similarity(self.encoder, frame.color, mask, self.prompt.format(category=category), self.margin)

    def write(self, folder: ObjectFolder, scores: Mapping[int, float], record: ObjectRecord) -> None:
        """`clip_scores.json`: all candidates' scores, and the best view that is trained with as `reference`. Without
        CLIP there is no such file."""
        file = folder.path / SCORES
        if not self.runs:
            file.unlink(missing_ok=True)
            return
        content = {
            "network": self.encoder.identity,
            "text": self.prompt.format(category=record.category),
            "reference": reference_view(record, scores),
            "scores": {str(index): round(score, 6) for index, score in sorted(scores.items())},
        }
        write_json(file, content)


def similarity_scores(
    folder: ObjectFolder, record: ObjectRecord, encoder: Encoder, *, text: str, margin: float
) -> dict[int, float]:
    """Scores of the prepared views: those of `clip_scores.json` when they are of the same network and text."""
    file = folder.path / SCORES
    if file.is_file():
        content = json.loads(file.read_text())
        if (content["network"], content["text"]) == (encoder.identity, text):
            return {int(index): score for index, score in content["scores"].items()}
    return {
        v.index: crop_similarity(
            encoder,
            read_image(folder.image("images", v.index)),
            folder.read_mask("masks/visible", v.index),
            text,
            margin,
        )
        for v in record.views
    }


def reference_view(record: ObjectRecord, scores: Mapping[int, float]) -> int:
    """The view with the best score among those that are trained with."""
    trained = [v.index for v in record.views if not v.held_out] or [v.index for v in record.views]
    return max(trained, key=lambda index: (scores[index], -index))


def crop_similarity(
    encoder: Encoder,
    color: Shaped[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "height width"],
    text: str,
    margin: float,
) -> float:
    """Cosine between the crop of an 8-bit picture and a text; -1 for an empty mask."""
    if not mask.any():
        return -1.0
    return encoder.similarity(square_crop(color, mask, margin=margin).astype(np.float32) / 255, text)


def square_crop(
    image: Shaped[np.ndarray, "height width channels"], mask: Bool[np.ndarray, "height width"], *, margin: float
) -> Shaped[np.ndarray, "side side channels"]:
    """The square around the mask's box, `margin` of its side wider all around; zeros where it leaves the image."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    side = max(round(max(width, height) * (1 + 2 * margin)), 1)
    left, top = x + width // 2 - side // 2, y + height // 2 - side // 2
    crop = np.zeros((side, side, image.shape[2]), image.dtype)
    rows = slice(max(top, 0), min(top + side, image.shape[0]))
    columns = slice(max(left, 0), min(left + side, image.shape[1]))
    crop[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = image[rows, columns]
    return crop
