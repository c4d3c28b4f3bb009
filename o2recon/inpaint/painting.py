"""Asking a painter for what is left of each view: alone, or one after the other so that they agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.inpaint.canvas import COPIED, PAINTED, WARPED, Canvas
from o2recon.inpaint.consistency import Consistency
from o2recon.inpaint.painter import Painted, Painter, Request
from o2recon.inpaint.sources import SourceView
from o2recon.masks import erode
from o2recon.progress import track


@dataclass(frozen=True)
class Painting:
    """A painter with what it needs to know about one object.

    `photos`: whole photographs of the views, in the canvases' order. `seed` decides all seeds of the views. `edge_px`:
    colours this near to the visible mask's edge are no example. `cache`: folder for what the painter keeps.
    """

    painter: Painter
    prompt: str
    photos: Sequence[UInt8[np.ndarray, "rows columns 3"]]
    seed: Sequence[int]
    edge_px: int
    cache: Path

    def paint(self, requests: Sequence[Request]) -> list[Painted]:
        """What the painter makes of them, in its batches."""
        size = self.painter.batch_size
        batches = [requests[i : i + size] for i in range(0, len(requests), size)]
        return [painted for batch in batches for painted in self.painter(batch, cache=self.cache)]

    def view_seed(self, canvas: Canvas) -> int:
        """Seed of one view."""
        return int(np.random.SeedSequence([*self.seed, canvas.view.index]).generate_state(1)[0])

    def alone(self, canvases: Sequence[Canvas]) -> None:
        """Every view by itself."""
        todo = [i for i, c in enumerate(canvases) if c.rest.any()]
        size = self.painter.batch_size
        rounds = [todo[i : i + size] for i in range(0, len(todo), size)]
        for batch in track(rounds, description="in-painting: every view by itself"):
            self._round(canvases, batch)

    def together(
        self,
        canvases: Sequence[Canvas],
        gains: Float[np.ndarray, "views 3"],
        consistency: Consistency,
        center: Float[np.ndarray, "3"],
        depth_sigma: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Every view after those near to it, starting from what they show (see Consistency)."""
        earlier: list[tuple[SourceView, np.ndarray]] = []
        rounds = consistency.rounds(canvases, center, self.painter.batch_size)
        for batch in track(rounds, description="in-painting: view after view"):
            for k in batch:
                consistency.draft(canvases[k], gains[k], earlier, depth_sigma)
            self._round(canvases, batch)
            earlier += [(canvases[k].as_source(), gains[k]) for k in batch]

    def _round(self, canvases: Sequence[Canvas], batch: Sequence[int]) -> None:
        made = self.painter([self._request(canvases[k], self.photos[k]) for k in batch], cache=self.cache)
        for k, painted in zip(batch, made, strict=True):
            canvas, here = canvases[k], canvases[k].crop.window
            asked, drafted = canvas.rest, canvas.origin == WARPED
            sure = painted.confidence[here]
            shown = np.where((sure > 0)[..., None], painted.image[here], self.photos[k][here])
            canvas.image[asked] = shown[asked]
            canvas.confidence[asked] = sure[asked]
            canvas.origin[asked] = np.where(sure[asked] > 0, np.where(drafted[asked], WARPED, PAINTED), 0)

    def _request(self, canvas: Canvas, photo: UInt8[np.ndarray, "rows columns 3"]) -> Request:
        drafted, copied = canvas.origin == WARPED, canvas.origin == COPIED
        known = erode(canvas.visible, self.edge_px) | copied
        known = known if known.any() else canvas.visible
        return Request(
            image=canvas.full_image(photo),
            empty=canvas.on_photo(canvas.rest & ~drafted),
            drafted=canvas.on_photo(drafted),
            known=canvas.on_photo(known),
            prompt=self.prompt,
            seed=self.view_seed(canvas),
            view=canvas.view,
        )
