"""Other ways to complete the depth of hidden pixels than the completed volume, from the in-painted image."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.inpaint.alignment import align, aligned_depth
from o2recon.inpaint.canvas import Canvas
from o2recon.inpaint.painter import Painted, Request

Paint = Callable[[Sequence[Request]], list[Painted]]


@runtime_checkable
class DepthCompletion(Protocol):
    """Depth (z, metres) of each window, 0 = no opinion. `photos` are the whole photographs of the canvases' views;
    `paint` is the stage's painter, `prompt` and `seeds` (one per view) what it wants to know."""

    name: str

    def __call__(
        self,
        canvases: Sequence[Canvas],
        photos: Sequence[UInt8[np.ndarray, "rows columns 3"]],
        paint: Paint | None,
        prompt: str,
        seeds: Sequence[int],
        device: str,
    ) -> list[Float[np.ndarray, "height width"]]: ...


@runtime_checkable
class DepthNetwork(Protocol):
    """What `o2recon.models.MonocularDepth` is: images to depth up to scale and shift, in the space of `convention`."""

    convention: str

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width"]]: ...


class AlignedMonocular:
    """Monocular depth of the in-painted image, brought to metres by the depth that is known in the same window.

    `min_pixels`: with fewer known pixels there is no opinion.
    """

    name = "monocular"

    def __init__(self, *, network: DepthNetwork, min_pixels: int) -> None:
        self.network, self.min_pixels = network, min_pixels

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
        return [self._view(c, photo, device) for c, photo in zip(canvases, photos, strict=True)]

    def _view(self, canvas: Canvas, photo: np.ndarray, device: str) -> Float[np.ndarray, "height width"]:
        gap = canvas.hidden & ~canvas.fused
        if not gap.any():
            return np.zeros(gap.shape, np.float32)
        relative = self.network([canvas.full_image(photo)], device=device)[0][canvas.crop.window]
        known = (canvas.visible | canvas.fused) & (canvas.geometry.depth > 0)
        found = align(
            relative, canvas.geometry.depth, known, min_pixels=self.min_pixels, convention=self.network.convention
        )
        if found is None:
            return np.zeros(gap.shape, np.float32)
        return aligned_depth(found, relative, canvas.geometry.depth, known, gap)


class EightBit:
    """The original's way, for comparison: depth as a grey picture of 8 bits, `headroom` times its maximum being white,
    in-painted by the stage's painter."""

    name = "eight_bit"

    def __init__(self, *, headroom: float) -> None:
        self.headroom = headroom

    def __call__(
        self,
        canvases: Sequence[Canvas],
        photos: Sequence[UInt8[np.ndarray, "rows columns 3"]],
        paint: Paint | None,
        prompt: str,
        seeds: Sequence[int],
        device: str,
    ) -> list[Float[np.ndarray, "height width"]]:
        """See DepthCompletion. ValueError without a painter."""
        if paint is None:
            raise ValueError("inpaint.depth as 8-bit pictures needs a painter: choose one, or set inpaint.depth=null")
        found = [np.zeros(c.hidden.shape, np.float32) for c in canvases]
        known = [c.visible & (c.geometry.depth > 0) for c in canvases]
        asked = [i for i, c in enumerate(canvases) if known[i].any() and c.hidden.any()]
        white = {i: self.headroom * float(canvases[i].geometry.depth[known[i]].max()) for i in asked}
        requests = [
            Request(
                image=_grey(np.where(known[i], canvases[i].geometry.depth, 0) / white[i]),
                empty=canvases[i].hidden,
                drafted=np.zeros_like(canvases[i].hidden),
                known=known[i],
                prompt=prompt,
                seed=seeds[i],
            )
            for i in asked
        ]
        for i, painted in zip(asked, paint(requests), strict=True):
            depth = painted.image.mean(-1) / 255 * white[i]
            found[i] = np.where(painted.confidence > 0, depth, 0).astype(np.float32)
        return found


def _grey(values: np.ndarray) -> UInt8[np.ndarray, "height width 3"]:
    return np.repeat(np.rint(values.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=-1)
