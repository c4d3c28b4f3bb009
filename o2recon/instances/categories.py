"""Names of objects: which category an id or a mask's name stands for, from small YAML or JSON files."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from o2recon.instances.scene import LARGEST_ID

LONGEST = 200
"""Characters of a name."""
LARGEST_FILE = 16 * 2**20
"""Bytes; a list of names or boxes is no larger."""


def read_document(file: Path) -> Any:
    """Content of a YAML or JSON file, plain values only. ValueError, naming the file, when it cannot be read."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{file} holds {file.stat().st_size} bytes: a list of boxes or names is far smaller")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}): give the path of a YAML or JSON file") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text file") from error
    try:
        return json.loads(text) if file.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, TypeError, AttributeError, yaml.YAMLError, RecursionError) as error:
        where = str(error).splitlines()[0][:LONGEST] if str(error) else "nested too deeply"
        kind = "JSON" if file.suffix.lower() == ".json" else "YAML"
        raise ValueError(f"{file} is no valid {kind} of plain values ({where}): write it again") from error


def read_categories(names: str | Path | Mapping[Any, Any] | None, folder: Path) -> dict[str, str]:
    """Id or mask name, as text -> category. A file, the mapping itself, or None: names.yaml or names.json in `folder`,
    where there is one.

    Taken are {1: chair}, [{id: 1, category: chair}] and COCO's {categories: [...]} (name for category). ValueError for
    anything else.
    """
    if names is None:
        found = [folder / n for n in ("names.yaml", "names.yml", "names.json") if (folder / n).is_file()]
        return read_categories(found[0], folder) if found else {}
    source = "instances.names"
    if isinstance(names, (str, Path)):
        source, names = str(names), read_document(Path(names))
    if isinstance(names, Mapping) and isinstance(names.get("categories"), list):
        names = names["categories"]
    if isinstance(names, list) and all(isinstance(row, Mapping) and "id" in row for row in names):
        names = {str(row["id"]): row.get("category", row.get("name")) for row in names}
    if not isinstance(names, Mapping) or not all(isinstance(v, str) and v for v in names.values()):
        raise ValueError(f"{source} must name categories as {{1: chair, 2: table}} or as a list of {{id, category}}")
    return {str(key)[:LONGEST]: str(name)[:LONGEST] for key, name in names.items()}


def object_number(name: str) -> int | None:
    """The id that the name of a mask begins with ('3', '003', '3_chair'), or None ('chair', 'chair_2')."""
    found = re.match(r"^0*(\d+)(?:$|[_\- .])", name)
    number = int(found[1]) if found else None
    return number if number is None or 0 < number <= LARGEST_ID else None


def spoken(name: str) -> str:
    """The category that the name of a mask says: '3_dining-table' is a 'dining table', 'chair_2' a 'chair'."""
    words = re.sub(r"^\d+[_\- .]+|[_\- .]*\d+$", "", name)
    return re.sub(r"[_\-]+", " ", words).strip() or "object"
