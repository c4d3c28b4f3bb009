"""The label table: label id -> category and NYU40 class."""

import csv
from collections.abc import Mapping
from pathlib import Path

from o2recon.scene.scene import Label

TABLE = "scannetv2-labels.combined.tsv"
COLUMNS = {"id": 0, "raw_category": 1, "nyu40id": 4}
"""Columns by header, and their positions where the header does not name them."""


def find_table(root: Path) -> Path:
    """The table in the scene or up to two folders above, where ScanNet's download puts it. ValueError when in none."""
    for folder in (root, *root.resolve().parents[:2]):
        if (folder / TABLE).is_file():
            return folder / TABLE
    raise ValueError(f"{root / TABLE} is missing: put ScanNet's label table there or into a folder above")


def read_labels(path: Path) -> dict[int, Label]:
    """ValueError, naming the file, when it is no text or a row has no usable id."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read ({error}): copy ScanNet's label table again") from error
    if not rows:
        raise ValueError(f"{path} is empty: copy ScanNet's label table again")
    header = [name.strip() for name in rows[0]]
    columns = {name: header.index(name) if name in header else at for name, at in COLUMNS.items()}
    if not _is_id(header[columns["id"]] if columns["id"] < len(header) else ""):
        rows = rows[1:]
    labels = {}
    for number, row in enumerate(rows, 2):
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in columns.items()}
        if not _is_id(cells["id"]):
            shown = repr(cells["id"][:20])
            raise ValueError(f"{path}, row {number}: {shown} is no label id: copy ScanNet's label table again")
        nyu40 = int(cells["nyu40id"]) if _is_id(cells["nyu40id"]) else -1
        labels[int(cells["id"])] = Label(int(cells["id"]), cells["raw_category"], nyu40)
    return labels


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def write_labels(path: Path, labels: Mapping[int, Label]) -> None:
    """A table that `read_labels` and ScanNet's own tools read; tabulators and line ends in names become blanks."""
    rows = ["\t".join(("id", "raw_category", "category", "count", "nyu40id"))]
    for label in sorted(labels.values(), key=lambda label: label.id):
        name = " ".join(label.raw_category.split())
        rows.append("\t".join((str(label.id), name, name, "1", str(label.nyu40) if label.nyu40 >= 0 else "")))
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
