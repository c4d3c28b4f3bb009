"""What a conversion notes in the folder that it wrote."""

import json
from pathlib import Path
from typing import Any

NOTES = "converted.json"
"""Says that `o2recon convert` wrote the folder, from what, and how to read it."""
WRITTEN_BY = "o2recon convert"


def read_notes(root: Path) -> dict[str, Any] | None:
    """What a conversion wrote down; None when the folder was not written by one."""
    try:
        notes = json.loads((root / NOTES).read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return notes if isinstance(notes, dict) and notes.get("written_by") == WRITTEN_BY else None
