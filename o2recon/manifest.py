"""Stage manifests: what a stage was made from, so that it runs again only when that changed."""

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from o2recon.files import write_json


def package_version() -> str:
    """Version of the installed package, or 'uninstalled' when run from a bare source tree."""
    try:
        return version("o2recon")
    except PackageNotFoundError:
        return "uninstalled"


def fingerprint(content: Any) -> str:
    """Short stable hash of anything JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def is_current(file: Path, *, stage: str, config: Any, inputs: dict[str, str]) -> bool:
    """True when `file` was written by the same stage from the same config, inputs and package version."""
    if not file.is_file():
        return False
    try:
        return json.loads(file.read_text()).get("fingerprint") == stage_fingerprint(stage, config, inputs)
    except (json.JSONDecodeError, AttributeError):
        return False


def write_manifest(file: Path, *, stage: str, config: Any, inputs: dict[str, str], notes: dict[str, Any]) -> None:
    """Written last, atomically: its presence means the stage finished. `notes`: counts and warnings worth keeping."""
    content = {
        "stage": stage,
        "fingerprint": stage_fingerprint(stage, config, inputs),
        "version": package_version(),
        "units": "metres",
        "config": config,
        "inputs": inputs,
        "notes": notes,
    }
    write_json(file, content)


def stage_fingerprint(stage: str, config: Any, inputs: dict[str, str]) -> str:
    """What `write_manifest` will call this stage's output: known before the stage runs."""
    return fingerprint([stage, package_version(), config, inputs])
