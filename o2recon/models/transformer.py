"""A network of transformers by hub id or folder: where its weights are, whether it can run here, how it is opened."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from o2recon.models.weights import find_weights, no_weights, refusal, weights_identity

OPTIONS: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Of every `from_pretrained`: nothing is downloaded, and nothing in the folder is run."""


class Transformer:
    """What such networks share. Pickled weights are refused unless `safetensors` is False."""

    purpose = ""
    """What it is for, as messages say it."""

    def __init__(self, *, model: str, revision: str | None, safetensors: bool) -> None:
        self.model, self.revision, self.safetensors = model, revision, safetensors
        self._network: Any = None

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, with what to do about it; None when it can."""
        if importlib.util.find_spec("transformers") is None:
            return f"{self.model} needs transformers: pip install 'o2recon[diffusion]'"
        folder = find_weights(self.model, self.revision)
        return refusal(folder, safetensors=self.safetensors) if folder else self._missing

    @property
    def identity(self) -> str:
        """What decides its answer beside what it is asked."""
        folder = find_weights(self.model, self.revision)
        return weights_identity(folder) if folder else self.model

    def release(self) -> None:
        """Free the GPU; the network waits in main memory for the next call."""
        if self._network is not None:
            self._network.to("cpu")

    @property
    def _missing(self) -> str:
        """What is said without weights."""
        return no_weights(self.model, self.revision)

    def _found(self, *names: str) -> tuple[Path, list[Any]]:
        """The folder of the weights, and classes of transformers. ValueError without weights that may be opened,
        ImportError without transformers."""
        try:
            library = importlib.import_module("transformers")
            classes = [getattr(library, name) for name in names]
        except (ImportError, AttributeError) as error:
            raise ImportError(f"{self.purpose}: pip install 'o2recon[diffusion]' ({error})") from error
        folder = find_weights(self.model, self.revision)
        if folder is None:
            raise ValueError(self._missing)
        if reason := refusal(folder, safetensors=self.safetensors):
            raise ValueError(reason)
        importlib.import_module("transformers.utils.logging").disable_progress_bar()  # of reading files
        return folder, classes

    def _opened(self, kind: Any, folder: Path) -> Any:
        """The network of a folder, as it is used."""
        return kind.from_pretrained(folder, use_safetensors=self.safetensors or None, **OPTIONS).eval()
