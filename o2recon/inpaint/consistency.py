"""Paint the views one after the other, each starting from what was painted before, nearest views first."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from o2recon.inpaint.canvas import WARPED, Canvas
from o2recon.inpaint.reproject import Reproject
from o2recon.inpaint.sources import SourceView


class Consistency:
    """Order of the views, and the warp of earlier in-paintings into the next view over the completed surface.

    `warp` is how colours are carried over. `num_references` views begin: those with most to paint, at least
    `reference_degrees` apart as seen from the object. `num_sources`: how many earlier views, nearest first, are asked.
    `color_sigma`: colour difference (grey levels) at which an in-painted pixel's confidence falls to 60 %. `compare`:
    also paint every view by itself, only to say in the notes how much more these would disagree; None: when the painter
    draws nothing at random, so that it is cheap.
    """

    def __init__(
        self,
        *,
        warp: Reproject,
        num_references: int,
        reference_degrees: float,
        num_sources: int,
        color_sigma: float,
        compare: bool | None,
    ) -> None:
        if num_references < 1:
            raise ValueError(f"inpaint.consistency.num_references is {num_references}: at least 1 is needed")
        self.warp = warp
        self.num_references, self.reference_degrees = num_references, reference_degrees
        self.num_sources, self.color_sigma, self.compare = num_sources, color_sigma, compare

    def tolerance(self, depth_sigma: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """How far apart (metres) two depths z may be to count as the same surface."""
        return lambda z: self.warp.tolerance + self.warp.num_sigmas * depth_sigma(z)

    def rounds(self, canvases: Sequence[Canvas], center: Float[np.ndarray, "3"], batch_size: int) -> list[list[int]]:
        """Positions of the views with something to paint, in rounds of at most `batch_size`.

        Reference views first, then always those nearest (by angle around `center`, world) to a view already painted.
        """
        work = np.array([np.count_nonzero(c.rest) for c in canvases])
        towards = np.array([c.view.camera_to_world[:3, 3] - center for c in canvases])
        towards /= np.linalg.norm(towards, axis=-1, keepdims=True) + 1e-12
        angle = np.degrees(np.arccos(np.clip(towards @ towards.T, -1, 1)))
        todo = [int(i) for i in np.argsort(-work, kind="stable") if work[i] > 0]
        done: list[int] = []
        for i in todo:
            if len(done) < self.num_references and all(angle[i, j] >= self.reference_degrees for j in done):
                done.append(i)
        order = _in_rounds(done, batch_size)
        todo = [i for i in todo if i not in done]
        while todo:
            todo.sort(key=lambda i: angle[i, done].min())
            order.append(todo[:batch_size])
            done += todo[:batch_size]
            todo = todo[batch_size:]
        return order

    def draft(
        self,
        canvas: Canvas,
        gain: Float[np.ndarray, "3"],
        earlier: Sequence[tuple[SourceView, Float[np.ndarray, "3"]]],
        depth_sigma: Callable[[np.ndarray], np.ndarray],
    ) -> Bool[np.ndarray, "height width"]:
        """Put what `earlier` painted views (`Canvas.as_source`, each with its gain) show of the surface into `canvas`;
        returns where."""
        ask = canvas.rest & (canvas.geometry.depth > 0)
        if not earlier or not ask.any():
            return np.zeros_like(ask)
        points, normals = canvas.points(ask)
        position = canvas.view.camera_to_world[:3, 3]
        middle = points.mean(0)
        nearest = sorted(earlier, key=lambda e: _angle(e[0].camera_to_world[:3, 3], position, middle))
        sources, gains = zip(*nearest[: self.num_sources], strict=True)
        result = self.warp(points, normals, gain, sources, np.array(gains), depth_sigma)
        return canvas.put(ask, result.color, result.confidence, WARPED)


def _in_rounds(items: list[int], size: int) -> list[list[int]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _angle(a: np.ndarray, b: np.ndarray, center: np.ndarray) -> float:
    """Negative cosine of the angle between two positions around `center`: small for near ones."""
    u, v = a - center, b - center
    return float(-(u @ v) / (np.linalg.norm(u) * np.linalg.norm(v) + 1e-12))
