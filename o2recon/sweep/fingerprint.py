"""What identifies a run: its resolved config without the machine's part, and the fingerprints of its inputs."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from o2recon.manifest import stage_fingerprint

ABSENT, CLASS = "(absent)", "_target_"
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
for it are among the inputs; so are poses, but for what training does with them."""
MACHINE_PARTS = {"scene": "root", "train": "device"}
BASELINE_PARTS = ("baseline", "mesh", "evaluate", "seed")
"""What decides a baseline's result, besides the prepared data: it knows of no field and no loss."""


def run_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides the result."""
    kept = {k: v for k, v in config.items() if k not in MACHINE_KEYS}
    for group, key in MACHINE_PARTS.items():
        if isinstance(kept.get(group), dict):
            kept[group] = {k: v for k, v in kept[group].items() if k != key}
    if in_training := (config.get("poses") or {}).get("in_training"):
        kept["poses"] = {"in_training": in_training}
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
    """Differences of two nested dictionaries, as 'key.path: old -> new' lines, in the words of the command line.

    Where another class was chosen (`_target_`), that is the difference: what either of them takes is not told.
    """
    return [f"{'.'.join(path)}: {_shown(old)} -> {_shown(new)}" for path, old, new in _different(before, after, ())]


def _different(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Key path, old and new value of whatever differs."""
    if isinstance(before, dict) and isinstance(after, dict) and before.get(CLASS) == after.get(CLASS):
        for key in [*before, *(k for k in after if k not in before)]:
            yield from _different(before.get(key, ABSENT), after.get(key, ABSENT), (*path, str(key)))
    elif before != after:
        yield path, before, after


def _shown(value: Any) -> str:
    """A value as one would write it; of an object its class, of a group its keys."""
    if isinstance(value, dict):
        return str(value[CLASS]).rpartition(".")[2] if CLASS in value else f"{{{', '.join(map(str, value))}}}"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
