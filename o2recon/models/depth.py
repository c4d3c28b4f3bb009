"""Monocular depth networks of transformers, as a callable from an image to a map of relative inverse depth."""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.models.weights import find_weights, hub_cache, weights_identity

KINDS = ("inverse", "metric")


class MonocularDepth:
    """Depth Anything, DPT and the like, by hub id or folder, loaded on first use; nothing is downloaded.

    `predicts`: `inverse` (relative inverse depth, the usual) or `metric` (depth in metres or any unit).
    """

    def __init__(self, *, model: str, revision: str | None, predicts: str) -> None:
        if predicts not in KINDS:
            raise ValueError(f"inpaint.depth.network.predicts is '{predicts}': choose one of {', '.join(KINDS)}")
        self.model, self.revision, self.predicts = model, revision, predicts
        self._network: Any = None
        self._processor: Any = None

    @property
    def name(self) -> str:
        folder = find_weights(self.model, self.revision)
        return weights_identity(folder) if folder else self.model

    def __call__(
        self, image: UInt8[np.ndarray, "height width 3"], *, device: str
    ) -> Float[np.ndarray, "height width"]:
        """Inverse depth up to scale and shift. ValueError without weights, ImportError without transformers."""
        import torch
        from PIL import Image

        self._load()
        network = self._network.to(device)
        batch = self._processor(images=Image.fromarray(image), return_tensors="pt").to(device)
        with torch.inference_mode():
            depth = network(**batch).predicted_depth[:, None].float()
        depth = torch.nn.functional.interpolate(depth, image.shape[:2], mode="bilinear", align_corners=False)
        found = depth[0, 0].cpu().numpy()
        return found if self.predicts == "inverse" else (1 / np.maximum(found, 1e-3)).astype(np.float32)

    def _load(self) -> None:
        if self._network is not None:
            return
        try:
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation
        except ImportError as error:
            raise ImportError(f"monocular depth: pip install 'o2recon[diffusion]' ({error})") from error
        folder = find_weights(self.model, self.revision)
        if folder is None:
            raise ValueError(
                f"inpaint.depth.network.model '{self.model}' is neither a folder nor in {hub_cache()}:"
                f" 'hf download {self.model}', another model, or inpaint.depth=null"
            )
        self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        self._network = AutoModelForDepthEstimation.from_pretrained(folder, local_files_only=True).eval()
