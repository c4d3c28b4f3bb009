"""Marigold's diffusion networks for normals and depth (diffusers), as callables from images to maps."""

import importlib.util
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.models.weights import (
    find_weights,
    has_only_half_precision,
    no_weights,
    pipeline_class,
    refusal,
    weights_identity,
)

logger = logging.getLogger(__name__)


class _Marigold:
    """A pipeline by hub id or folder, loaded on first use; nothing is downloaded.

    Pickled weights are refused unless `safetensors` is False.

    `num_steps`, `resolution` (pixels of the longer side inside the network): null takes what the network was made for.
    `ensemble`: predictions from different noise that are merged into one. `seed` of the noise, which is drawn on the
    CPU for every picture alike, so that neither device nor batch changes it. float16 on a GPU, float32 on a CPU.
    """

    pipeline = ""
    convention = ""

    def __init__(
        self,
        *,
        model: str,
        revision: str | None,
        safetensors: bool,
        num_steps: int | None,
        resolution: int | None,
        ensemble: int,
        seed: int,
    ) -> None:
        if ensemble < 1:
            raise ValueError(f"the ensemble of {model} is {ensemble}: at least 1 is needed")
        self.model, self.revision, self.safetensors = model, revision, safetensors
        self.num_steps, self.resolution, self.ensemble, self.seed = num_steps, resolution, ensemble, seed
        self._pipe: Any = None

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, with what to do about it; None when it can."""
        if importlib.util.find_spec("diffusers") is None:
            return f"{self.model} needs diffusers: pip install 'o2recon[diffusion]'"
        folder = find_weights(self.model, self.revision)
        if folder is None:
            return no_weights(self.model, self.revision)
        found = pipeline_class(folder)
        if found != self.pipeline:
            return f"{self.model} is a {found}, and a {self.pipeline} is needed here"
        return refusal(folder, safetensors=self.safetensors)

    @property
    def identity(self) -> str:
        """What decides a map beside the picture."""
        folder = find_weights(self.model, self.revision)
        weights = weights_identity(folder) if folder else self.model
        return f"{weights} steps {self.num_steps} at {self.resolution} x {self.ensemble} seed {self.seed}"

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width *channels"]]:
        """Maps of pictures of one size, in one batch. ValueError without weights, ImportError without diffusers."""
        import torch
        from PIL import Image

        self._load(device)
        count = len(images) * self.ensemble
        options: dict[str, Any] = {"ensemble_size": self.ensemble, "batch_size": count}
        options |= {} if self.resolution is None else {"processing_resolution": self.resolution}
        options |= {} if self.num_steps is None else {"num_inference_steps": self.num_steps}
        seeds = np.random.SeedSequence(self.seed).generate_state(self.ensemble).tolist() * len(images)
        options["generator"] = [torch.Generator().manual_seed(s) for s in seeds]
        found = self._pipe([Image.fromarray(i) for i in images], output_type="np", **options).prediction
        return list(np.nan_to_num(np.asarray(found, np.float32)))

    def release(self) -> None:
        """Free the GPU; the networks wait in main memory for the next call."""
        if self._pipe is not None:
            self._move("cpu")

    def _load(self, device: str) -> None:
        if self._pipe is None:
            if self.obstacle is not None:
                raise ImportError(self.obstacle) if "pip install" in self.obstacle else ValueError(self.obstacle)
            self._pipe = self._from_disk(device)
        self._move(device)

    def _from_disk(self, device: str) -> Any:
        import diffusers
        import torch
        import transformers

        folder = find_weights(self.model, self.revision)
        assert folder is not None
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()
        options: dict[str, Any] = {"dtype": torch.float16 if device.startswith("cuda") else torch.float32}
        if has_only_half_precision(folder):
            options["variant"] = "fp16"
        options |= {"use_safetensors": self.safetensors or None, "trust_remote_code": False}
        pipe = getattr(diffusers, self.pipeline).from_pretrained(str(folder), local_files_only=True, **options)
        pipe.set_progress_bar_config(disable=True)
        logger.info("%s: %s", self.pipeline, weights_identity(folder))
        return pipe

    def _move(self, device: str) -> None:
        import torch

        for part in self._pipe.components.values():
            if isinstance(part, torch.nn.Module):
                part.to(device)


class MarigoldNormals(_Marigold):
    """Unit normals. Axes: +x right, +y up, +z towards the camera."""

    pipeline = "MarigoldNormalsPipeline"
    convention = "marigold"


class MarigoldDepth(_Marigold):
    """Depth in [0, 1] up to scale and shift: 0 the nearest, 1 the farthest surface of the picture."""

    pipeline = "MarigoldDepthPipeline"
    convention = "affine"

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width"]]:
        """See above; one channel."""
        return [found[..., 0] for found in super().__call__(images, device=device)]
