"""ScanNet's annotation of a scan, as files: the fused mesh, its segments and which of them are an object."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MESH, SEGMENTS, AGGREGATION = "*_vh_clean_2.ply", "*_vh_clean_2.*segs.json", "*.aggregation.json"
NOTES = "made_from.json"


def annotation_files(folder: Path) -> tuple[Path, ...]:
    """All files of the annotation in a scan's folder; none where a kind of them is missing."""
    found = [sorted(folder.glob(pattern)) for pattern in (MESH, SEGMENTS, AGGREGATION)]
    return tuple(file for files in found for file in files) if all(found) else ()


def stamps(files: Iterable[Path]) -> dict[str, Any]:
    """What `NOTES` in a folder holds that was made from these files: paths with sizes and times."""
    facts = {str(file.resolve()): file.stat() for file in files}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in facts.items()}


def is_made_from(folder: Path, files: Iterable[Path]) -> bool:
    """Whether `folder` was made from these files as they are now."""
    try:
        return bool(json.loads((folder / NOTES).read_text()) == stamps(files))
    except (OSError, ValueError):
        return False
