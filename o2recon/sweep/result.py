"""`result.json`: written last and atomically, so its presence means that the run is finished."""

import json
import math
from pathlib import Path
from typing import Any

import yaml

from o2recon.files import write_json

RESULT = "result.json"
MAX_CONFIG = 1 << 20
"""Bytes of a run's config.yaml; ours have a few thousand."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write a finished run's result; numbers that are no numbers become null, since JSON has none."""
    write_json(folder / RESULT, _finite(result))


def read_result(folder: Path) -> dict[str, Any] | None:
    """The result of a finished run; None when there is none, or when it cannot be read."""
    try:
        content = json.loads((folder / RESULT).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def parsed_config(text: str) -> dict[str, Any]:
    """A run's config as plain containers; {} for what is none. Whoever wrote it: nothing in it is called, looked up or
    repeated (an alias of an alias would be, a million times)."""
    if len(text) > MAX_CONFIG:
        return {}
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
            return {}
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return {str(k): v for k, v in content.items()} if isinstance(content, dict) else {}


def is_finished(result: dict[str, Any] | None, *, fingerprint: str, retry: str | None) -> bool:
    """Whether a run with this result need not run again. `retry`: null, 'failed' or 'all'."""
    if result is None or retry == "all" or result.get("fingerprint") != fingerprint:
        return False
    return result.get("status") == "ok" or retry is None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
