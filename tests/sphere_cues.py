"""Networks that know the sphere of `sphere_capture`, in the axes and spaces of real ones."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sphere_capture import SphereCapture, prepared

from o2recon.cues import Cues, DepthMaps, NormalMaps
from o2recon.types import ObjectView
from o2recon.workspace import ObjectFolder, read_image, write_image

OPTIONS: dict[str, Any] = {
    "radii_px": [2, 4, 8],
    "residual_sigmas": 1.0,
    "last_residual_sigmas": 3.0,
    "own_sigmas": 2.5,
    "min_share": 0.3,
    "jump": 0.02,
    "fused_weight": 0.0,
    "fused_evidence": 0.5,
    "fused_tolerance": 0.02,
    "crop_margin_px": 4,
}
"""Of Cues."""


class Knowing:
    """A network that recognises the photographs of a folder and returns `values(view)` for each."""

    obstacle = None
    identity = "knowing"

    def __init__(self, convention: str, values: Callable[[ObjectView], np.ndarray]) -> None:
        self.convention, self.values = convention, values
        self.batches: list[int] = []
        self.released = 0
        self.known: dict[bytes, ObjectView] = {}

    def learn(self, capture: SphereCapture, folder: ObjectFolder) -> None:
        for view in capture.sphere.views:
            self.known[read_image(folder.image("inpainted/image", view.index)).tobytes()] = view

    def __call__(self, images: Sequence[np.ndarray], *, device: str) -> list[np.ndarray]:
        self.batches.append(len(images))
        return [self.values(self.known[i.tobytes()]).astype(np.float32) for i in images]

    def release(self) -> None:
        self.released += 1


def painted(path: Path, *, size: int = 64, evidence: float = 1.0) -> tuple[SphereCapture, ObjectFolder]:
    """The capture, and its folder as the in-painting leaves it."""
    capture, folder = prepared(path, size=size)
    for view in capture.sphere.views:
        for kind in ("hidden", "possible", "unknown"):
            write_image(folder.image(f"masks/{kind}", view.index), getattr(view, kind))
        picture = np.random.default_rng(view.index).integers(0, 255, (size, size, 3), dtype=np.uint8)
        write_image(folder.image("inpainted/image", view.index), picture)
        write_image(folder.image("inpainted/confidence", view.index), (view.confidence * 255).astype(np.uint8))
        write_image(folder.image("masks/claim", view.index), (view.claim * 255).astype(np.uint8))
        folder.write_depth("inpainted/depth", view.index, view.object_depth)
        folder.write_normal("inpainted/normal", view.index, np.where(view.hidden[..., None], view.normal, 0))
    volume = capture.sphere.volume(0.02)
    volume.evidence[:] = evidence
    folder.write_volume(volume)
    return capture, folder


def stage(*, normal: NormalMaps | None = None, depth: DepthMaps | None = None) -> Cues:
    return Cues(normal=normal, depth=depth, **OPTIONS)


def degrees(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle between vectors of any length, per pixel."""
    length = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip((first * second).sum(-1) / np.maximum(length, 1e-9), -1, 1)))
