"""What identifies a run: its resolved config without the machine's part, and the fingerprints of its inputs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from o2recon.manifest import stage_fingerprint

MACHINE_KEYS = (
    *("stage", "study", "object", "groundtruth", "retry", "device", "trainer"),
    *("work", "prepared", "outputs", "report", "export", "exports", "view", "compare", "meshes", "synth", "room"),
    *(
        "baselines",
        "annotate",
        "boxes",
        "clean",
        "convert",
        "doctor",
        "reports",
        "sweep",
        "logger",
        "depth",
        "instances",
        "outlines",
        "poses",
        "check",
    ),
)
"""Where and how a run is done, not what is computed. The object, the truth and the scan with the depth and the ids made
for it are among the inputs."""
MACHINE_PARTS = {"scene": "root", "train": "device"}
BASELINE_PARTS = ("baseline", "mesh", "evaluate", "seed")
"""What decides a baseline's result, besides the prepared data: it knows of no field and no loss."""


def run_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides the result."""
    kept = {k: v for k, v in config.items() if k not in MACHINE_KEYS}
    for group, key in MACHINE_PARTS.items():
        if isinstance(kept.get(group), dict):
            kept[group] = {k: v for k, v in kept[group].items() if k != key}
    return kept


def deciding(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides the result, for a baseline its own part alone."""
    config = run_config(config)
    return {k: config[k] for k in BASELINE_PARTS} if config.get("baseline") else config


def with_network(config: dict[str, Any], network: str | None) -> dict[str, Any]:
    """A config with the network that its semantic loss really uses; without that part where the loss is off (None)."""
    others = {k: v for k, v in config.items() if k != "semantic"}
    if network is None:
        return others
    part = {k: v for k, v in (config.get("semantic") or {}).items() if k != "required"}
    return others | {"semantic": part | {"network": network}}


def run_fingerprint(config: dict[str, Any], inputs: dict[str, str]) -> str:
    """Hash of what decides the result, of the package version and of the inputs' fingerprints."""
    return stage_fingerprint("run", run_config(config), inputs)


def fingerprint_of_files(files: Sequence[Path]) -> str:
    """Hash of the files' names and contents; 'none' for no files. One that cannot be read has no contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        try:
            digest.update(file.read_bytes())
        except OSError as error:  # whoever needs the file says so
            digest.update(f"unreadable: {error.errno}".encode())
    return digest.hexdigest()[:16] if files else "none"


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Differences of two nested dictionaries, as 'key.path: old -> new' lines."""
    old, new = _flat(before), _flat(after)
    keys = [*old, *(k for k in new if k not in old)]
    shown = [(k, old.get(k, "(absent)"), new.get(k, "(absent)")) for k in keys]
    return [f"{k}: {a} -> {b}" for k, a, b in shown if a != b]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        parts = [_flat(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in value.items()]
        return {k: v for part in parts for k, v in part.items()}
    return {prefix: value}
