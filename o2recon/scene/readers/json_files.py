"""JSON files of captures."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path, *, max_bytes: int, remedy: str) -> Any:
    """What a file holds. ValueError, with its name and `remedy`, when it cannot be read, is too long or no JSON."""
    try:
        if path.stat().st_size > max_bytes:
            raise ValueError(f"it has more than {max_bytes >> 20} MB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON file ({str(error)[:200]}): {remedy}") from error
