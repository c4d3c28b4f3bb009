"""What compares the runs of a study, as plain tables and pictures that any dashboard can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from o2recon.report import Methods, Run, Table, build_table, methods_table
from o2recon.report.collect import method_name
from o2recon.workspace import read_image

Rows = list[list[str | float | None]]
PICTURE = "clay_0.png"
"""Of a run's renders the one that stands for it."""


@dataclass(frozen=True)
class Plain:
    """A table of texts and numbers; None where nothing is known."""

    columns: list[str]
    rows: Rows


@dataclass(frozen=True)
class Bars:
    """One measure of every method, its mean over the objects that all of them have."""

    key: str
    title: str
    values: dict[str, float]


MEASURES = {
    "hidden_f_score_5cm": "F-score 5 cm, hidden part",
    "complete_f_score_5cm": "F-score 5 cm, complete",
    "chamfer_cm": "Chamfer distance, cm",
    "iou": "IoU",
    "seconds": "Seconds until the mesh is there",
}
"""Columns of the methods table that become bars."""


class Summary:
    """The tables and bars of a study's runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._methods = Methods(runs)
        self.methods = methods_table(self._methods)
        """Means and medians with intervals, one row per method."""
        self.runs = build_table(runs)

    @property
    def bars(self) -> list[Bars]:
        """Those of MEASURES that some method has."""
        scope = self._methods.scopes[0]
        found = []
        for key, title in MEASURES.items():
            means = {method_name(m): self._methods.summary(m, key, scope).value for m in self._methods.methods}
            values = {name: value for name, value in means.items() if value is not None}
            if values:
                found.append(Bars(key, title, values))
        return found

    @property
    def numbers(self) -> dict[str, float]:
        """study/num_ok, study/num_failed, study/num_unfinished, and <method>/<measure> for all bars."""
        states = ("ok", "failed", "unfinished")
        counts = {f"study/num_{s}": float(sum(run.status == s for run in self._runs)) for s in states}
        return counts | {f"{name}/{bar.key}": value for bar in self.bars for name, value in bar.values.items()}

    def gallery(self) -> tuple[list[str], list[list[str | UInt8[np.ndarray, "_h _w 3"] | None]]]:
        """Columns, and a row per object: scene, object, category, then a picture of every method's mesh (one seed)."""
        methods = self._methods.methods
        columns = ["scene", "object", "category", *(method_name(m) for m in methods)]
        rows = []
        for place in self._methods.places:
            mine = [run for run in self._runs if run.place == place and run.status == "ok"]
            category = next((run.category for run in mine if run.category), "")
            folders = {run.method: run.folder for run in reversed(mine)}
            rows.append([*place, category, *(_picture(folders.get(method)) for method in methods)])
        return columns, rows


def plain(table: Table) -> Plain:
    """Numbers as numbers, everything else as text."""
    rows = [
        [cell.value if column.numeric else cell.text for column, cell in zip(table.columns, row.cells, strict=True)]
        for row in table.rows
    ]
    return Plain([column.key for column in table.columns], rows)


def _picture(folder: Path | None) -> UInt8[np.ndarray, "_h _w 3"] | None:
    file = None if folder is None else folder / "renders" / PICTURE
    return read_image(file) if file is not None and file.is_file() else None
