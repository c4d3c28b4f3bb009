"""Where the weights of pre-trained networks lie on this machine. Reads folders only."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from o2recon.models.revisions import wanted_revision

WEIGHTS = (".safetensors", ".bin", ".ckpt", ".pt")
INPAINTING_WORDS = ("inpaint", "fill")
"""Class names of pipelines that in-paint contain one of these; others may be turned into in-painters on loading."""


def hub_cache() -> Path:
    """Hugging Face's cache of downloaded networks, from the environment variables that its own libraries read."""
    if folder := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(folder).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


def find_weights(model: str, revision: str | None) -> Path | None:
    """The folder that holds `model`, a folder or an id of the hub ('owner/name'); None when it is not on this machine.

    `revision`: branch, tag or commit of an id; None: the pinned commit, for ids without one the main branch, or the
    only snapshot there is.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder if _is_complete(folder) else None
    revision = wanted_revision(model, revision)
    repository = hub_cache() / f"models--{model.replace('/', '--')}"
    snapshots = repository / "snapshots"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    listed = sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    found = [f for f in listed if commit in (None, f.name) and _is_complete(f)]
    return found[0] if len(found) == 1 else None


def weights_identity(folder: Path) -> str:
    """Names what a folder holds: owner/name@commit in the hub's cache, else a hash over its files' names and sizes."""
    if folder.parent.name == "snapshots":
        name = folder.parent.parent.name.removeprefix("models--").replace("--", "/")
        return f"{name}@{folder.name[:12]}"
    digest = hashlib.sha256()
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    return f"{folder.name}#{digest.hexdigest()[:12]}"


class MissingWeights(ValueError):
    """A network that was asked for is not on this machine, or its library is not; the message has the remedy."""


def no_weights(model: str, revision: str | None) -> str:
    """One line: where the weights were looked for and how to get them."""
    get = download(model, revision)
    return f"{wanted(model, revision)} is neither a complete folder nor in {hub_cache()}: {get}, or name another model"


def wanted(model: str, revision: str | None) -> str:
    """A network with its revision, as messages name it."""
    revision = wanted_revision(model, revision)
    return f"'{model}'" + (f" at revision {revision}" if revision else "")


def download(model: str, revision: str | None) -> str:
    """The command that gets a network of the hub, in quotes."""
    revision = wanted_revision(model, revision)
    return f"'hf download {model}{f' --revision {revision}' if revision else ''}'"


def refusal(folder: Path, *, safetensors: bool) -> str | None:
    """Why a folder's weights are not opened, in one line: loading pickled ones may run what their author wrote."""
    pickled = {f.parent for f in folder.rglob("*") if f.suffix in WEIGHTS[1:] and f.is_file()}
    bare = sorted(f for f in pickled if not any(f.glob("*.safetensors")))
    if not safetensors or not bare:
        return None
    return (
        f"{bare[0]} holds weights that are pickled, and no safetensors: take a network that has them, or set"
        " `safetensors: false` beside its `model` if you trust whoever made it"
    )


def pipeline_class(folder: Path) -> str:
    """Class name of a diffusers pipeline; 'single network' of a folder that is none."""
    return _components(folder)[0] if (folder / "model_index.json").is_file() else "single network"


@dataclass(frozen=True)
class FoundPipeline:
    """A diffusers pipeline in the hub's cache."""

    model: str
    class_name: str
    folder: Path
    num_bytes: int

    @property
    def inpaints(self) -> bool:
        """True when it was made for in-painting."""
        return any(word in self.class_name.lower() for word in INPAINTING_WORDS)


def inpainting_pipelines() -> Iterator[FoundPipeline]:
    """Complete in-painting pipelines in the hub's cache, in alphabetical order."""
    for repository in sorted(hub_cache().glob("models--*")):
        model = repository.name.removeprefix("models--").replace("--", "/", 1)
        folder = find_weights(model, None)
        if folder is None or not (folder / "model_index.json").is_file():
            continue
        found = FoundPipeline(model, _components(folder)[0], folder, weights_bytes(folder))
        if found.inpaints:
            yield found


def weights_bytes(folder: Path) -> int:
    """Size of all weight files."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.suffix in WEIGHTS and f.is_file())


def has_only_half_precision(folder: Path) -> bool:
    """True when the folder keeps no other weights than diffusers' variant 'fp16'."""
    names = [f.name for f in folder.rglob("*") if f.suffix in WEIGHTS]
    return bool(names) and all(".fp16." in name for name in names)


def _components(folder: Path) -> tuple[str, list[str]]:
    """Class name of a diffusers pipeline and its components."""
    index = json.loads((folder / "model_index.json").read_text())
    parts = [k for k, v in index.items() if isinstance(v, list) and len(v) == 2 and v[0] is not None]
    return str(index.get("_class_name", "")), parts


def _is_complete(folder: Path) -> bool:
    """A pipeline whose components are all there, or a single network with its config and weights."""
    if not (folder / "model_index.json").is_file():
        return (folder / "config.json").is_file() and weights_bytes(folder) > 0
    parts = [folder / name for name in _components(folder)[1]]
    return all(p.is_dir() and (not (p / "config.json").is_file() or weights_bytes(p) > 0) for p in parts)
