"""Any in-painting pipeline that diffusers can load, as a callable from images and masks to images."""

import importlib.util
import inspect
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from o2recon.models.revisions import wanted_revision
from o2recon.models.weights import (
    download,
    find_weights,
    has_only_half_precision,
    hub_cache,
    wanted,
    weights_bytes,
    weights_identity,
)

logger = logging.getLogger(__name__)

OFFLOADS = ("auto", "none", "model", "sequential")
DTYPES = ("auto", "float32", "float16", "bfloat16")
FREE_SHARE = 0.7
"""Of the GPU's free memory; weights that need more stay in main memory, part by part (`offload: auto`)."""


class InpaintingPipeline:
    """A text-guided in-painting network by hub id or local folder, loaded on first use.

    Nothing is downloaded unless `download`; pickled weights are refused unless `safetensors` is False. `dtype` auto is
    half precision on a GPU (bfloat16 for transformers, float16 for U-Nets), float32 on a CPU. `offload` auto moves
    single networks to the GPU only while they work, when all together would not fit; `sequential` needs least memory.
    Arguments that a pipeline does not know (`negative_prompt`, `strength`) are left out.
    """

    def __init__(
        self,
        *,
        model: str,
        revision: str | None,
        download: bool,
        safetensors: bool,
        dtype: str,
        offload: str,
        num_steps: int,
        guidance_scale: float,
        negative_prompt: str | None,
    ) -> None:
        for key, value, allowed in (("dtype", dtype, DTYPES), ("offload", offload, OFFLOADS)):
            if value not in allowed:
                raise ValueError(f"inpaint.painter.pipeline.{key} is '{value}': choose one of {', '.join(allowed)}")
        if num_steps < 1:
            raise ValueError(f"inpaint.painter.pipeline.num_steps is {num_steps}: at least 1 is needed")
        self.model, self.revision = model, revision
        self.download, self.safetensors = download, safetensors
        self.dtype, self.offload = dtype, offload
        self.num_steps, self.guidance_scale, self.negative_prompt = num_steps, guidance_scale, negative_prompt
        self._pipe: Any = None
        self._home = "cpu"

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, in a few words; None when it can."""
        if importlib.util.find_spec("diffusers") is None:
            return "diffusers is not installed (pip install 'o2recon[diffusion]')"
        if not (self.download or self.is_on_disk):
            return f"no weights of {self.model} on this machine ('o2recon doctor' says where they are looked for)"
        return None

    @property
    def is_on_disk(self) -> bool:
        """The weights are on this machine."""
        return find_weights(self.model, self.revision) is not None

    @property
    def identity(self) -> str:
        """What decides a picture beside image, mask, prompt, seed and strength."""
        folder = find_weights(self.model, self.revision)
        weights = weights_identity(folder) if folder else f"{self.model}@{self.revision}"
        return f"{weights} steps {self.num_steps} guidance {self.guidance_scale} without {self.negative_prompt!r}"

    @property
    def takes_strength(self) -> bool:
        """Whether the loaded pipeline can start from the picture that it is given."""
        return self._pipe is not None and "strength" in self._arguments()

    def load(self, device: str) -> None:
        """Put the networks on `device`. ValueError without weights, ImportError without diffusers."""
        if self._pipe is None:
            self._pipe = self._from_disk(device)
        if self._home == device:
            return
        offload = self._resolved_offload(device)
        if offload == "none":
            self._move(device)
        elif offload == "model":
            self._pipe.enable_model_cpu_offload(device=device)
        else:
            self._pipe.enable_sequential_cpu_offload(device=device)
        self._home = device

    def release(self) -> None:
        """Free the GPU; the networks wait in main memory for the next call."""
        if self._pipe is None or self._home == "cpu":
            return
        import torch

        self._pipe.remove_all_hooks()
        self._move("cpu")
        self._home = "cpu"
        torch.cuda.empty_cache()

    def __call__(
        self,
        images: Sequence[UInt8[np.ndarray, "size size 3"]],
        masks: Sequence[Bool[np.ndarray, "size size"]],
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[UInt8[np.ndarray, "size size 3"]]:
        """One batch. `strength` in (0, 1]: 1 forgets what is under the mask, less keeps some of it. Call `load` first.

        The noise is drawn on the CPU, one generator per picture, so that neither device nor batch changes it.
        """
        import torch
        from PIL import Image

        assert self._pipe is not None
        size = images[0].shape[0]
        options = {
            "prompt": list(prompts),
            "image": [Image.fromarray(i) for i in images],
            "mask_image": [Image.fromarray(m.astype(np.uint8) * 255) for m in masks],
            "generator": [torch.Generator().manual_seed(s) for s in seeds],
            "num_inference_steps": self.num_steps,
            "guidance_scale": self.guidance_scale,
            "height": size,
            "width": size,
            "output_type": "np",
        }
        optional: dict[str, Any] = {"strength": max(strength, 1 / self.num_steps)}
        if self.negative_prompt is not None:
            optional["negative_prompt"] = [self.negative_prompt] * len(images)
        options |= {k: v for k, v in optional.items() if k in self._arguments()}
        with torch.inference_mode():
            made = self._pipe(**options).images
        return [np.rint(np.nan_to_num(np.asarray(i, np.float32)).clip(0, 1) * 255).astype(np.uint8) for i in made]

    def _arguments(self) -> set[str]:
        return set(inspect.signature(self._pipe.__call__).parameters)

    def _move(self, device: str) -> None:
        import torch

        for part in self._pipe.components.values():
            if isinstance(part, torch.nn.Module):
                part.to(device)

    def _resolved_offload(self, device: str) -> str:
        if self.offload != "auto" or not device.startswith("cuda"):
            return "none" if self.offload == "auto" else self.offload
        import torch

        need = sum(
            t.numel() * t.element_size()
            for part in self._pipe.components.values()
            if isinstance(part, torch.nn.Module)
            for t in part.parameters()
        )
        free = torch.cuda.mem_get_info(device)[0]
        choice = "none" if need < FREE_SHARE * free else "model"
        if choice == "model":
            logger.info("in-painting network: %.1f GiB for %.1f GiB of free GPU memory", need / 2**30, free / 2**30)
        return choice

    def _from_disk(self, device: str) -> Any:
        try:
            import diffusers
        except ImportError as error:
            raise ImportError(f"in-painting by diffusion: pip install 'o2recon[diffusion]' ({error})") from error
        folder = find_weights(self.model, self.revision)
        if folder is None and not self.download:
            raise ValueError(missing_weights(self.model, self.revision))
        options: dict[str, Any] = {"dtype": self._torch_dtype(folder, device), "use_safetensors": self.safetensors}
        options["trust_remote_code"] = False
        if folder is None:
            options["revision"] = wanted_revision(self.model, self.revision)
        else:
            options["local_files_only"] = True
            if has_only_half_precision(folder):
                options["variant"] = "fp16"
            logger.info("in-painting network: %s, %.1f GB", weights_identity(folder), weights_bytes(folder) / 1e9)
        diffusers.utils.logging.disable_progress_bar()  # of reading files; downloads keep theirs
        pipe = _load(diffusers, str(folder or self.model), options)
        if "mask_image" not in inspect.signature(pipe.__call__).parameters:
            raise ValueError(f"{self.model} is a {type(pipe).__name__}, which takes no mask: choose an in-painting one")
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def _torch_dtype(self, folder: Path | None, device: str) -> Any:
        import torch

        if self.dtype != "auto":
            return getattr(torch, self.dtype)
        if not device.startswith("cuda"):
            return torch.float32
        return torch.bfloat16 if folder is not None and (folder / "transformer").is_dir() else torch.float16


def missing_weights(model: str, revision: str | None) -> str:
    """One line: where the weights were looked for and how to get them."""
    return (
        f"inpaint.painter.pipeline.model {wanted(model, revision)} is neither a complete folder nor in {hub_cache()}:"
        f" {download(model, revision)},"
        " inpaint.painter.pipeline.download=true, another model, or inpaint=reproject_telea"
    )


def _load(diffusers: Any, source: str, options: dict[str, Any]) -> Any:
    """As an in-painter where diffusers knows how to make one of it, else as the pipeline that it says it is."""
    try:
        return diffusers.AutoPipelineForInpainting.from_pretrained(source, **options)
    except ValueError as error:
        if "AutoPipeline" not in str(error):
            raise
    return diffusers.DiffusionPipeline.from_pretrained(source, **options)
