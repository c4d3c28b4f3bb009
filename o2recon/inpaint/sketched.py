"""Masks from sketches whose depth is in-painted as an 8-bit picture: the route of the O2-Recon paper."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.inpaint.diffusion import Diffusion
from o2recon.inpaint.painter import Painter, Request
from o2recon.inpaint.preferred import Preferred
from o2recon.inpaint.prompt import Prompt
from o2recon.masks import LiftedSketch, Masks, Window
from o2recon.models import MissingWeights
from o2recon.scene import Scene
from o2recon.types import Frame, ObjectRecord, Volume
from o2recon.workspace import ObjectFolder

REMEDY = "without it take experiment=o2recon_classical, masks=paper_telea or masks=sketch"


class SketchedDepthMasks(Masks):
    """As Masks, but the depth of a sketch is painted: the object's own depth as a grey picture of 8 bits, `headroom`
    times its maximum being white, in-painted in what is sketched or visible and has no depth, dilated by `dilations`
    pixels. The sketch is lifted with it and carried to every view. `device`: of the painter; auto, cpu or cuda.
    """

    def __init__(
        self,
        *,
        painter: Painter | Preferred,
        prompt: Prompt,
        headroom: float,
        dilations: int,
        device: str,
        **masks: Any,
    ) -> None:
        super().__init__(**masks)
        self.painter, self.prompt, self.device = painter, prompt, device
        self.headroom, self.dilations = headroom, dilations
        self._runs: Painter | None = None
        self._cache: Path | None = None

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """As of Masks, and the painter that runs."""
        return super().inputs(folder) | {"painter": self._settled().name}

    def __call__(self, scene: Scene, folder: ObjectFolder) -> dict[str, Any]:
        """As of Masks. MissingWeights when the painter cannot run on this machine."""
        painter = self._settled()
        if isinstance(painter, Diffusion) and (obstacle := painter.pipeline.obstacle) is not None:
            raise MissingWeights(
                f"masks=paper paints the depth of sketches by diffusion, which cannot run here: {obstacle}; {REMEDY}"
            )
        self._cache = folder.path / "masks" / "cache"
        try:
            return super().__call__(scene, folder) | {"sketch_depth": painter.name}
        finally:
            painter.release()

    def lifted(
        self, frame: Frame, window: Window, record: ObjectRecord, volume: Volume, sketch: np.ndarray, mode: str
    ) -> LiftedSketch:
        """See Masks; outside a preparation, where there is no folder to paint for, the completed surface stands in."""
        if self._cache is not None:
            depth = self.painted_depth(frame, record, sketch, self._cache)[window.crop.window]
            window = replace(window, surface=replace(window.surface, depth=depth))
        return super().lifted(frame, window, record, volume, sketch, mode)

    def painted_depth(
        self, frame: Frame, record: ObjectRecord, sketch: Bool[np.ndarray, "height width"], cache: Path
    ) -> Float[np.ndarray, "height width"]:
        """z in metres where it was painted, 0 elsewhere, and everywhere in a frame that shows nothing of the object."""
        named = frame.instance == record.object
        known = named & (frame.depth > 0)
        if not known.any():
            return np.zeros(frame.depth.shape, np.float32)
        white = self.headroom * float(frame.depth[known].max())
        gap = ((sketch | named) & ~known).astype(np.uint8)
        gap = cv2.dilate(gap, np.ones((3, 3), np.uint8), iterations=self.dilations) > 0
        grey = np.rint(np.where(known, frame.depth, 0) / white * 255).clip(0, 255).astype(np.uint8)
        request = Request(
            image=np.repeat(grey[..., None], 3, axis=-1),
            empty=gap,
            drafted=np.zeros_like(gap),
            known=known & ~gap,
            prompt=self.prompt(record.category),
            seed=frame.index,
        )
        painted = self._settled()([request], cache=cache)[0]
        depth = painted.image.mean(-1) / 255 * white
        return np.where(painted.confidence > 0, depth, 0).astype(np.float32)

    def _settled(self) -> Painter:
        if self._runs is None:
            self._runs = self.painter.on(_resolved(self.device))
        return self._runs


def _resolved(device: str) -> str:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
