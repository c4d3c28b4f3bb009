"""CLIP, SigLIP and other networks of transformers that put pictures and texts into one space.

Imported by whoever builds one from a config, not by `o2recon.models`: it needs torch.
"""

import importlib.util
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.models.transformer import OPTIONS, Transformer
from o2recon.models.weights import download, find_weights, hub_cache, refusal, wanted, weights_identity

log = logging.getLogger(__name__)
DTYPES = ("auto", "float32", "bfloat16")


class Clip(Transformer):
    """A network by hub id or folder, loaded by `on`, frozen; nothing is downloaded.

    Pickled weights are refused unless `safetensors` is False.

    `dtype`: float32 or bfloat16; auto is bfloat16 on a GPU. There is no float16: gradients through a whole network
    would need a scaler. Any network whose transformers class has `get_image_features` and `get_text_features` will do.
    """

    purpose = "CLIP"

    def __init__(self, *, model: str, revision: str | None, safetensors: bool, dtype: str) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"CLIP's dtype is '{dtype}': choose one of {', '.join(DTYPES)}")
        super().__init__(model=model, revision=revision, safetensors=safetensors)
        self.dtype = dtype
        self._tokenizer: Any = None
        self._mean, self._deviation = torch.zeros(0), torch.zeros(0)
        self._known: dict[str, Tensor] = {}
        """Unit vectors of texts that pictures were compared with."""

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, in a few words; None when it can."""
        if importlib.util.find_spec("transformers") is None:
            return "transformers is not installed (pip install 'o2recon[diffusion]')"
        folder = find_weights(self.model, self.revision)
        if folder is None:
            return f"no weights of {self.model} on this machine ({download(self.model, self.revision)} gets them)"
        return refusal(folder, safetensors=self.safetensors)

    @property
    def size(self) -> int:
        """Side of the pictures that the network sees, pixels. Call `on` first."""
        return int(self._network.config.vision_config.image_size)

    def on(self, device: torch.device | str) -> "Clip":
        """Load it, once, and put it on `device`; returns itself. ValueError without weights or for another kind of
        network, ImportError without transformers."""
        if self._network is None:
            self._load()
        device = torch.device(device)
        dtype = self.dtype if self.dtype != "auto" else ("bfloat16" if device.type == "cuda" else "float32")
        self._network = self._network.to(device=device, dtype=getattr(torch, dtype))
        self._mean, self._deviation = self._mean.to(device), self._deviation.to(device)
        self._known = {}
        return self

    def images(self, pictures: Float[Tensor, "images 3 height width"]) -> Float[Tensor, "images channels"]:
        """Unit vectors of RGB pictures in [0, 1], squeezed to the square that the network sees (give it square ones).

        Differentiable: bicubic interpolation with anti-aliasing and the network's own normalisation, all in torch.
        """
        sized = functional.interpolate(
            pictures.float(), (self.size, self.size), mode="bicubic", align_corners=False, antialias=True
        )
        normal = (sized.clamp(0, 1) - self._mean) / self._deviation
        return _unit(self._network.get_image_features(pixel_values=normal.to(self._network.dtype)))

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Float[Tensor, "texts channels"]:
        """Unit vectors of texts, each cut or filled up to the length that the network was trained with."""
        length = self._network.config.text_config.max_position_embeddings
        tokens = self._tokenizer(
            list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        return _unit(self._network.get_text_features(**tokens.to(self._network.device)))

    @torch.no_grad()
    def similarity(self, picture: Float[np.ndarray, "height width 3"], text: str) -> float:
        """Cosine between an RGB picture in [0, 1] and a text."""
        if text not in self._known:
            self._known[text] = self.texts([text])[0]
        pixels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
        return float(self.images(pixels.to(self._mean.device))[0] @ self._known[text])

    @property
    def _missing(self) -> str:
        return (
            f"CLIP network {wanted(self.model, self.revision)} is neither a complete folder nor in {hub_cache()}:"
            f" {download(self.model, self.revision)}, another encoder.model, or semantic=none"
        )

    def _load(self) -> None:
        folder, (kind, processors, tokenizers) = self._found("AutoModel", "AutoImageProcessor", "AutoTokenizer")
        network = self._opened(kind, folder)
        if not (hasattr(network, "get_image_features") and hasattr(network, "get_text_features")):
            raise ValueError(f"{self.model} is a {type(network).__name__}: choose a network of CLIP's kind")
        processor = processors.from_pretrained(folder, **OPTIONS)
        self._tokenizer = tokenizers.from_pretrained(folder, **OPTIONS)
        self._mean, self._deviation = (
            torch.tensor(values).view(3, 1, 1) for values in (processor.image_mean, processor.image_std)
        )
        self._network = network.requires_grad_(False)
        log.info("CLIP: %s", weights_identity(folder))


def _unit(features: Any) -> Tensor:
    """Float32 of length 1. transformers 5 gives an object where 4 gave a tensor."""
    found = features if isinstance(features, Tensor) else features.pooler_output
    return functional.normalize(found.float(), dim=-1)
