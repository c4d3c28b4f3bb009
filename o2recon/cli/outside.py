"""What people changed since a finished run was prepared. Loads no torch: sweeps are planned with it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o2recon.cli.prepare import MANIFESTS, WATCHING
from o2recon.manifest import changed_since, read_manifest

CHOSEN = ("scene", "poses")
"""Sources of prepared data that options decide, too: where they differ, it may be another experiment that prepared."""


@dataclass(frozen=True)
class Prepared:
    """What lies in an object's prepared folder, of the stages that had the same options.

    `sources`: by stage, what it was made from beside its options and the stage before; `changed`: the first pattern of
    watched files that stands for others now, empty when none does.
    """

    sources: dict[str, dict[str, str]]
    changed: str


def prepared_with(configs: dict[str, Any], root: Path) -> Prepared:
    """Of the folder `root`; `configs`: the options of each stage. A stage that was never done has not changed."""
    sources, changed = {}, ""
    for name, relative in MANIFESTS.items():
        made = read_manifest(root / relative)
        if made is None or made.get("config") != json.loads(json.dumps(configs[name])):
            continue  # by another experiment, say, in the same folder
        sources[name] = {k: v for k, v in made.get("inputs", {}).items() if k not in MANIFESTS}
        if name in WATCHING and not changed:
            changed = changed_since(root / relative) or ""
    return Prepared(sources, changed)


def changed_outside(result: dict[str, Any], prepared: Prepared, *, scene: str, poses: dict[str, str]) -> str:
    """Why the run of `result` would be prepared again, in a few words; empty when nothing is known to have changed.

    `scene`: its `scene_identity` now; `poses`: the inputs of how poses are found. Other options are not compared.
    """
    recorded = result.get("sources") or {}
    if "objects" in recorded and recorded["objects"].get("poses") != poses.get("poses"):
        return "options of poses changed"
    if recorded.get("objects", {}).get("scene", scene) != scene:
        return "the scan, or how it is read, changed"
    for stage, sources in prepared.sources.items():
        if _compared(sources) != _compared(recorded.get(stage, {})):
            return "its prepared data were made again since"
    return f"{prepared.changed} changed" if prepared.changed else ""


def _compared(sources: dict[str, str]) -> dict[str, str]:
    """Without what options and seeds decide: runs that differ in these share a folder, and each is right."""
    return {k: v.partition(", seed ")[0] for k, v in sources.items() if k not in CHOSEN}
