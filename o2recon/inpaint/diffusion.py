"""In-painting by a diffusion network: crops, seeds, batches, rejected pictures, a cache."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.inpaint.cache import PictureCache
from o2recon.inpaint.classical import nearest_color
from o2recon.inpaint.painter import Painted, Request
from o2recon.inpaint.window import Window, window_around

logger = logging.getLogger(__name__)


@runtime_checkable
class InpaintingNetwork(Protocol):
    """What `o2recon.models.InpaintingPipeline` is."""

    model: str

    @property
    def obstacle(self) -> str | None: ...
    @property
    def is_on_disk(self) -> bool: ...
    @property
    def identity(self) -> str: ...
    @property
    def takes_strength(self) -> bool: ...
    def load(self, device: str) -> None: ...
    def release(self) -> None: ...
    def __call__(
        self,
        images: Sequence[UInt8[np.ndarray, "size size 3"]],
        masks: Sequence[Bool[np.ndarray, "size size"]],
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[UInt8[np.ndarray, "size size 3"]]: ...


@dataclass(frozen=True)
class _Task:
    """One picture to make: `mask` in the view, the rest at the network's size. `dark`: the object itself is black."""

    image: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "height width"]
    window: Window
    sent: UInt8[np.ndarray, "size size 3"]
    where: Bool[np.ndarray, "size size"]
    prompt: str
    seed: int
    dark: bool

    @classmethod
    def of(cls, request: Request, image: np.ndarray, mask: np.ndarray, window: Window, *, black: float) -> "_Task":
        known = image[request.known]
        dark = bool(known.size) and float(np.median(known.mean(-1))) < 2 * black
        sent, where = window.cut(image), window.cut_mask(mask)
        return cls(image, mask, window, sent, where, request.prompt, request.seed, dark)


class Diffusion:
    """A network fills what is empty, then harmonises it with the drafts of other views.

    `size`: side of the network's pictures. `context`: share of the mask's side shown around it. `strength`: how much of
    a draft may change, 0 = keep it. A picture is rejected when more than `max_black_share` of the mask is darker than
    `black` grey levels although the object is not, or when it hardly differs (`min_change` grey levels) from what was
    sent; up to `max_resamples` other seeds are tried, then the pixels are given up (drafts stay as they were).
    `confidence`, `alone`: see Painter.
    """

    draws = True

    def __init__(
        self,
        *,
        pipeline: InpaintingNetwork,
        size: int,
        context: float,
        max_zoom: float,
        batch_size: int,
        strength: float,
        black: float,
        max_black_share: float,
        min_change: float,
        max_resamples: int,
        confidence: float,
        alone: float,
    ) -> None:
        if size % 16 or size < 16:
            raise ValueError(f"inpaint.painter.size is {size}: a multiple of 16 is needed")
        if not 0 <= strength < 1:
            raise ValueError(f"inpaint.painter.strength is {strength}: at least 0 and below 1")
        self.pipeline = pipeline
        self.size, self.context, self.max_zoom = size, context, max_zoom
        self.batch_size, self.strength = batch_size, strength
        self.black, self.max_black_share, self.min_change = black, max_black_share, min_change
        self.max_resamples = max_resamples
        self.confidence, self.alone = confidence, alone
        self._device = "cpu"

    @property
    def name(self) -> str:
        return f"diffusion({self.pipeline.model})"

    def on(self, device: str) -> "Diffusion":
        """Itself, which will load its network onto `device`."""
        self._device = device
        return self

    def __call__(self, requests: Sequence[Request], *, cache: Path) -> list[Painted]:
        """See `Painter`. ValueError when there are no weights, ImportError when there is no diffusers."""
        store = PictureCache(cache)
        images = [self._prepared(r) for r in requests]
        filled = [np.zeros(r.empty.shape, bool) for r in requests]
        asked = [i for i, r in enumerate(requests) if r.empty.any()]
        tasks = [self._task(requests[i], images[i], requests[i].empty) for i in asked]
        for i, task, made in zip(asked, tasks, self._make(tasks, 1.0, store), strict=True):
            if made is not None:
                images[i] = task.window.paste(images[i], task.mask, task.sent, made)
                filled[i] = self._kept(task, images[i])
        sure = [f | r.drafted for f, r in zip(filled, requests, strict=True)]
        self._harmonise(requests, images, sure, store)
        return [self._result(r, image, s) for r, image, s in zip(requests, images, sure, strict=True)]

    def release(self) -> None:
        """Free the GPU."""
        self.pipeline.release()

    def _harmonise(
        self,
        requests: Sequence[Request],
        images: list[np.ndarray],
        sure: Sequence[np.ndarray],
        store: PictureCache,
    ) -> None:
        """Replace `images` where there are drafts by what the network makes of them at low strength."""
        asked = [i for i, r in enumerate(requests) if r.drafted.any()] if self.strength > 0 else []
        tasks = [self._task(requests[i], images[i], sure[i]) for i in asked]
        for i, task, made in zip(asked, tasks, self._make(tasks, self.strength, store), strict=True):
            if made is not None:
                pasted = task.window.paste(images[i], task.mask, task.sent, made)
                images[i] = np.where(self._kept(task, pasted)[..., None], pasted, images[i])

    def _prepared(self, request: Request) -> UInt8[np.ndarray, "height width 3"]:
        """The view with smooth colours of the object where it is empty, instead of the occluder's."""
        source = (request.known | request.drafted) & ~request.empty
        if not source.any() or not request.empty.any():
            return request.image.copy()
        smooth = cv2.GaussianBlur(nearest_color(request.image, source), (0, 0), 4)
        return np.where(request.empty[..., None], smooth, request.image)

    def _task(self, request: Request, image: np.ndarray, mask: np.ndarray) -> _Task:
        window = window_around(
            request.empty | request.drafted, size=self.size, context=self.context, max_zoom=self.max_zoom
        )
        return _Task.of(request, image, mask, window, black=self.black)

    def _make(self, tasks: Sequence[_Task], strength: float, store: PictureCache) -> list[np.ndarray | None]:
        """A picture for each task, or None where every attempt was rejected."""
        accepted: list[np.ndarray | None] = [None] * len(tasks)
        pending = list(range(len(tasks)))
        for attempt in range(self.max_resamples + 1):
            if not pending:
                break
            pictures = self._pictures([tasks[i] for i in pending], attempt, strength, store)
            for i, picture in zip(pending, pictures, strict=True):
                if picture is not None and self._is_good(tasks[i], picture):
                    accepted[i] = picture
            pending = [i for i in pending if accepted[i] is None]
        if pending:
            logger.info("in-painting: %d pictures given up after %d attempts", len(pending), self.max_resamples + 1)
        return accepted

    def _pictures(
        self, tasks: Sequence[_Task], attempt: int, strength: float, store: PictureCache
    ) -> list[np.ndarray | None]:
        """From the cache, else from the network in batches."""
        if not tasks:
            return []
        if not self.pipeline.is_on_disk:  # what it is called by is known after the download only
            self.pipeline.load(self._device)
        seeds = [int(np.random.SeedSequence([t.seed, attempt]).generate_state(1)[0]) for t in tasks]
        identity = self.pipeline.identity
        keys = [
            store.key(t.sent, t.where, prompt=t.prompt, seed=s, strength=strength, model=identity)
            for t, s in zip(tasks, seeds, strict=True)
        ]
        found = [store.read(key) for key in keys]
        missing = [i for i, picture in enumerate(found) if picture is None]
        if missing:
            self.pipeline.load(self._device)
        if strength < 1 and not self.pipeline.takes_strength:
            return found
        for first in range(0, len(missing), self.batch_size):
            batch = missing[first : first + self.batch_size]
            made = self.pipeline(
                [tasks[i].sent for i in batch],
                [tasks[i].where for i in batch],
                [tasks[i].prompt for i in batch],
                [seeds[i] for i in batch],
                strength=strength,
            )
            for i, picture in zip(batch, made, strict=True):
                store.write(keys[i], picture)
                found[i] = picture
        return found

    def _is_good(self, task: _Task, picture: np.ndarray) -> bool:
        inside = picture[task.where].astype(np.float32)
        change = np.abs(inside - task.sent[task.where]).mean()
        is_black = not task.dark and (inside.mean(-1) < self.black).mean() > self.max_black_share
        return bool(change >= self.min_change and not is_black)

    def _kept(self, task: _Task, image: np.ndarray) -> Bool[np.ndarray, "height width"]:
        """The mask without single pixels that came back nearly black."""
        return task.mask & (task.dark | (image.mean(-1) >= self.black))

    def _result(self, request: Request, image: np.ndarray, sure: Bool[np.ndarray, "height width"]) -> Painted:
        shown = np.where(sure[..., None], image, request.image).astype(np.uint8)
        confidence: Float[np.ndarray, "height width"] = np.where(sure, self.confidence, 0).astype(np.float32)
        return Painted(shown, confidence)
