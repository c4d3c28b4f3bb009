"""Stage manifests: what a stage was made from, so that it runs again only when that changed."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from o2recon.files import write_json


@cache
def package_version() -> str:
    """Version of the installed package, or 'uninstalled' when run from a bare source tree."""
    try:
        return version("o2recon")
    except PackageNotFoundError:
        return "uninstalled"


@cache
def source_commit() -> str | None:
    """Commit of the checkout that the package is run from, '-dirty' when files differ; None for an installed copy."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def fingerprint(content: Any) -> str:
    """Short stable hash of anything JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def is_current(file: Path, *, stage: str, config: Any, inputs: dict[str, str]) -> bool:
    """True when `file` was written by the same stage from the same config, inputs and package version."""
    written = read_manifest(file)
    return written is not None and written.get("fingerprint") == stage_fingerprint(stage, config, inputs)


def read_manifest(file: Path) -> dict[str, Any] | None:
    """What `write_manifest` wrote; None when it is gone, or damaged."""
    try:
        content = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_manifest(
    file: Path,
    *,
    stage: str,
    config: Any,
    inputs: dict[str, str],
    notes: dict[str, Any],
    outputs: Iterable[Path] = (),
    watched: dict[str, dict[str, str]] | None = None,
) -> None:
    """Written last, atomically: its presence means the stage finished. `notes`: counts and warnings worth keeping.

    `outputs`: files beside or below the manifest that the stage wrote; `altered` finds out whether they are still so.
    `watched`: what `watch` said, before the stage ran, of files that people put elsewhere for it.
    """
    content = {
        "stage": stage,
        "fingerprint": stage_fingerprint(stage, config, inputs),
        "version": package_version(),
        "units": "metres",
        "config": config,
        "inputs": inputs,
        "notes": notes,
        "outputs": {path.relative_to(file.parent).as_posix(): _seal(path) for path in sorted(outputs)},
        "watched": watched or {},
    }
    write_json(file, content)


def altered(file: Path, *, quick: bool = False, needed: bool = True) -> str | None:
    """What is wrong with the first output that is not as its stage left it; None when all are.

    `quick`: contents are read only where size or date is another one. `needed`: whether one that is gone counts.
    """
    outputs = (read_manifest(file) or {"outputs": None}).get("outputs", {})
    if not isinstance(outputs, dict):
        return f"{file} cannot be read"
    for name, seal in outputs.items():
        path = file.parent / name
        if not path.is_file():
            if needed:
                return f"{path} is gone"
        elif not (quick and str(seal).endswith(_dated(path))) and not str(seal).startswith(_digest(path)):
            return f"{path} was changed"
    return None


def watch(file: Path, patterns: Iterable[Path]) -> dict[str, dict[str, str]]:
    """What is there of each pattern (a path whose name may hold `*`), for the manifest `file`."""
    found = {}
    for pattern in patterns:
        relative = os.path.relpath(pattern, file.parent)
        inside = not relative.startswith("../../")  # what moves with the object's folder
        files = _matching(pattern)
        found[relative if inside else str(pattern.absolute())] = {"stamp": _stamp(files), "digest": _contents(files)}
    return found


def changed_since(file: Path) -> str | None:
    """The first pattern of `watch` that stands for other files now than when the manifest `file` was written.

    Contents are read only where names, sizes or dates differ."""
    for pattern, before in (read_manifest(file) or {}).get("watched", {}).items():
        path = Path(os.path.normpath(file.parent / pattern))
        files = _matching(path)
        if _stamp(files) != before["stamp"] and _contents(files) != before["digest"]:
            return str(path)
    return None


def _matching(pattern: Path) -> list[Path]:
    return sorted(f for f in pattern.parent.glob(pattern.name) if f.is_file())


def _stamp(files: Iterable[Path]) -> str:
    return fingerprint([(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])


def _contents(files: Iterable[Path]) -> str:
    return fingerprint([(f.name, _digest(f)) for f in files])


def _seal(path: Path) -> str:
    """What `altered` compares: digest, bytes, and the time of the last change in nanoseconds."""
    dated = _dated(path)
    return _digest(path) + dated


def _dated(path: Path) -> str:
    status = path.stat()
    return f" {status.st_size} {status.st_mtime_ns}"


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def stage_fingerprint(stage: str, config: Any, inputs: dict[str, str]) -> str:
    """What `write_manifest` will call this stage's output: known before the stage runs."""
    return fingerprint([stage, package_version(), config, inputs])
