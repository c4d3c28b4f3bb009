"""Pictures and depth that were in-painted before: O2-Recon's training data as a painter and as a completion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.inpaint.canvas import Canvas
from o2recon.inpaint.depth import Paint
from o2recon.inpaint.painter import Painted, Request
from o2recon.scene import TrainingFolder


class TrainingPainter:
    """Paints nothing: the pictures of `folder` are in-painted.

    `confidence` is what their in-painted pixels are worth, at most; data that we wrote say it of every pixel.
    """

    batch_size = 1
    draws = False
    alone = 1.0
    name = "training data"

    def __init__(self, *, folder: TrainingFolder, confidence: float) -> None:
        self.folder, self.confidence = folder, confidence

    def on(self, device: str) -> "TrainingPainter":
        """Itself: it works anywhere."""
        return self

    def __call__(self, requests: Sequence[Request], *, cache: Path) -> list[Painted]:
        """See `Painter`."""
        return [self._paint(request) for request in requests]

    def release(self) -> None:
        """It holds nothing."""

    def _paint(self, request: Request) -> Painted:
        wanted = request.empty | request.drafted
        view = request.view
        told = None if view is None else self.folder.read(view.index, view.camera).confidence
        sure = self.confidence if told is None else told
        return Painted(request.image, np.where(wanted, sure, 0).astype(np.float32))


class TrainingDepth:
    """The object's own depth of `folder` on in-painted pixels (see DepthCompletion)."""

    name = "training data"

    def __init__(self, *, folder: TrainingFolder) -> None:
        self.folder = folder

    def __call__(
        self,
        canvases: Sequence[Canvas],
        photos: Sequence[UInt8[np.ndarray, "rows columns 3"]],
        paint: Paint | None,
        prompt: str,
        seeds: Sequence[int],
        device: str,
    ) -> list[Float[np.ndarray, "height width"]]:
        """See DepthCompletion."""
        return [self.folder.read(c.view.index, c.view.camera).object_depth[c.crop.window] for c in canvases]
