"""Checkpoints: plain containers only, so that they load with weights_only=True, with all that rebuilds the field."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn


def build_field(config: dict[str, Any], *, seed: int) -> nn.Module:
    """The field of a resolved config, its initial values from `seed` alone; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = instantiate(config)
    assert isinstance(field, nn.Module), config
    return field


def read_checkpoint(path: Path) -> dict[str, Any]:
    """ValueError when the file is missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: run 'o2recon train' for this object first")
    unreadable = f"{path} cannot be read as a checkpoint: delete it and train again"
    if not zipfile.is_zipfile(path):
        raise ValueError(unreadable)
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(unreadable) from error


def load_field(path: Path) -> nn.Module:
    """The trained field of a checkpoint, on the CPU, in evaluation mode. ValueError when its config is not there."""
    checkpoint = read_checkpoint(path)
    config = (checkpoint["o2recon"]["config"] or {}).get("field")
    if config is None:
        raise ValueError(f"{path} does not hold the field's config: give `config` to Fit when training")
    field = build_field(config, seed=checkpoint["o2recon"]["seed"])
    prefix = "field."
    weights = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items() if k.startswith(prefix)}
    field.load_state_dict(weights)
    return field.eval()
