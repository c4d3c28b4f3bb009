"""Checkpoints: plain containers only, so that they load with weights_only=True, with all that rebuilds the field."""

import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra.utils import instantiate
from torch import nn

import o2recon.field

log = logging.getLogger(__name__)
LAST, PREVIOUS = Path("checkpoints", "last.ckpt"), Path("checkpoints", "previous.ckpt")


class Usable(NamedTuple):
    """A checkpoint to continue from, None to start again; its share of the learning rates, and of rays and points."""

    path: Path | None
    rate_factor: float
    sample_share: float


def build_field(config: dict[str, Any], *, seed: int) -> nn.Module:
    """The field of a resolved config, its initial values from `seed` alone; the global generator stays as it was.

    The config is the user's own: what its `_target_`s name is called, whatever it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = instantiate(config)
    assert isinstance(field, nn.Module), config
    return field


def read_checkpoint(path: Path) -> dict[str, Any]:
    """ValueError when the file is missing, damaged or holds more than plain containers and tensors."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: run 'o2recon train' for this object first")
    unreadable = f"{path} cannot be read as a checkpoint: delete it and train again"
    if not zipfile.is_zipfile(path):
        raise ValueError(unreadable)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(unreadable) from error
    parts = (content.get("o2recon"), content.get("state_dict")) if isinstance(content, dict) else ()
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise ValueError(f"{path} is no checkpoint of o2recon: delete it and train again")
    return content


def usable_checkpoint(out: Path, config: dict[str, Any] | None, num_steps: int) -> Usable:
    """The newest checkpoint of a run that can be read and belongs to the same config; the log says why there is none.

    `out`: the run's folder.
    """
    for path in (out / LAST, out / PREVIOUS):
        if not path.is_file():
            continue
        try:
            saved = read_checkpoint(path)["o2recon"]
        except ValueError as error:
            log.warning("%s; training goes on from the one before, or starts again", error)
            continue
        if saved.get("config") != config or saved.get("num_steps") != num_steps:
            log.info("%s was made with another config: training starts again", path)
            break
        log.info("training continues from step %d of %d", saved["step"], saved["num_steps"])
        return Usable(path, saved.get("rate_factor", 1.0), saved.get("sample_share", 1.0))
    return Usable(None, 1.0, 1.0)


def load_field(path: Path, *, config: dict[str, Any] | None = None) -> nn.Module:
    """The trained field of a checkpoint, on the CPU, in evaluation mode.

    `config`: the field's, as in `build_field`; None takes the checkpoint's own, which may come from a stranger: it may
    name classes of `o2recon.field` and nothing else. ValueError when it names anything else or does not fit.
    """
    checkpoint = read_checkpoint(path)
    if config is None:
        config = (checkpoint["o2recon"].get("config") or {}).get("field")
        if not isinstance(config, dict):
            raise ValueError(f"{path} does not hold the field's config: give `config` to Fit when training")
        _check(config, path)
    field = build_field(config, seed=int(checkpoint["o2recon"].get("seed", 0)))
    prefix = "field."
    weights = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items() if k.startswith(prefix)}
    try:
        field.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds the weights of another field: train again") from error
    return field.eval()


def _check(config: Any, path: Path) -> None:
    """ValueError unless all `_target_`s are classes of `o2recon.field` and no text is anything but itself."""
    if isinstance(config, dict):
        for key, value in config.items():
            known = not str(key).startswith("_") or (key == "_target_" and str(value) in _CLASSES)
            if not known:
                told = f"{key}: {value!r:.80}"
                raise ValueError(
                    f"{path} names more than classes of o2recon.field ({told}): do not use this checkpoint"
                )
            _check(value, path)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _check(value, path)
    elif isinstance(config, str) and "${" in config:
        raise ValueError(f"{path} holds a reference in its field's config ({config:.80}): do not use this checkpoint")


_CLASSES = frozenset(f"o2recon.field.{name}" for name in o2recon.field.__all__)
