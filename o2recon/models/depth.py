"""Monocular depth networks of transformers, as a callable from images to maps of relative inverse depth."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.models.weights import find_weights, no_weights, refusal, weights_identity

KINDS = ("inverse", "metric")


class MonocularDepth:
    """Depth Anything, DPT and the like, by hub id or folder, loaded on first use; nothing is downloaded.

    Pickled weights are refused unless `safetensors` is False.

    `predicts`: `inverse` (relative inverse depth, the usual) or `metric` (depth in metres or any unit).
    """

    convention = "inverse"

    def __init__(self, *, model: str, revision: str | None, safetensors: bool, predicts: str) -> None:
        if predicts not in KINDS:
            raise ValueError(f"predicts of the depth network is '{predicts}': choose one of {', '.join(KINDS)}")
        self.model, self.revision, self.safetensors, self.predicts = model, revision, safetensors, predicts
        self._network: Any = None
        self._processor: Any = None

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, with what to do about it; None when it can."""
        if importlib.util.find_spec("transformers") is None:
            return f"{self.model} needs transformers: pip install 'o2recon[diffusion]'"
        folder = find_weights(self.model, self.revision)
        return refusal(folder, safetensors=self.safetensors) if folder else no_weights(self.model, self.revision)

    @property
    def identity(self) -> str:
        """What decides a map beside the picture."""
        folder = find_weights(self.model, self.revision)
        return f"{weights_identity(folder) if folder else self.model} {self.predicts}"

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

    def release(self) -> None:
        """Free the GPU; the network waits in main memory for the next call."""
        if self._network is not None:
            self._network.to("cpu")

    def _load(self) -> None:
        if self._network is not None:
            return
        try:
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation
            from transformers.utils import logging as transformers_logging
        except ImportError as error:
            raise ImportError(f"monocular depth: pip install 'o2recon[diffusion]' ({error})") from error
        folder = find_weights(self.model, self.revision)
        if folder is None:
            raise ValueError(no_weights(self.model, self.revision))
        if reason := refusal(folder, safetensors=self.safetensors):
            raise ValueError(reason)
        transformers_logging.disable_progress_bar()
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._processor = AutoImageProcessor.from_pretrained(folder, **options)
        network = AutoModelForDepthEstimation.from_pretrained(
            folder, use_safetensors=self.safetensors or None, **options
        )
        self._network = network.eval()
