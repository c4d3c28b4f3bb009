"""Monocular depth networks of transformers, as a callable from images to maps of relative inverse depth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.models.transformer import OPTIONS, Transformer

KINDS = ("inverse", "metric")


class MonocularDepth(Transformer):
    """Depth Anything, DPT and the like, by hub id or folder, loaded on first use; nothing is downloaded.

    Pickled weights are refused unless `safetensors` is False.

    `predicts`: `inverse` (relative inverse depth, the usual) or `metric` (depth in metres or any unit).
    """

    convention = "inverse"
    purpose = "monocular depth"

    def __init__(self, *, model: str, revision: str | None, safetensors: bool, predicts: str) -> None:
        if predicts not in KINDS:
            raise ValueError(f"predicts of the depth network is '{predicts}': choose one of {', '.join(KINDS)}")
        super().__init__(model=model, revision=revision, safetensors=safetensors)
        self.predicts = predicts
        self._processor: Any = None

    @property
    def identity(self) -> str:
        """What decides a map beside the picture."""
        return f"{super().identity} {self.predicts}"

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width"]]:
        """Inverse depth up to scale and shift of pictures of one size, in one batch.

        ValueError without weights, ImportError without transformers.
        """
        import torch
        from PIL import Image

        self._load()
        network = self._network.to(device)
        batch = self._processor(images=[Image.fromarray(i) for i in images], return_tensors="pt").to(device)
        with torch.inference_mode():
            depth = network(**batch).predicted_depth[:, None].float()
        depth = torch.nn.functional.interpolate(depth, images[0].shape[:2], mode="bilinear", align_corners=False)
        found = list(depth[:, 0].cpu().numpy())
        return found if self.predicts == "inverse" else [(1 / np.maximum(f, 1e-3)).astype(np.float32) for f in found]

    def _load(self) -> None:
        if self._network is None:
            folder, (processor, network) = self._found("AutoImageProcessor", "AutoModelForDepthEstimation")
            self._processor = processor.from_pretrained(folder, **OPTIONS)
            self._network = self._opened(network, folder)
