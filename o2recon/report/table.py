"""One row per run: what the page and the files CSV, Markdown and TeX print alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from o2recon.report.collect import Run

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """`better`: +1 higher, -1 lower, 0 nothing to compare. `zero_when_failed`: a failed run counts as 0 (F, IoU).

    `csv_only`: bounds of intervals, which Markdown and TeX leave out.
    """

    key: str
    title: str
    group: str = ""
    value: Callable[[Run], Value] = lambda run: None
    digits: int = 0
    better: int = 0
    zero_when_failed: bool = False
    numeric: bool = True
    csv_only: bool = False


@dataclass(frozen=True)
class Cell:
    """`text` is what every format prints, "" for nothing; `value` sorts; `best` among the methods compared."""

    text: str
    value: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """`able`: it may be the best one. A failed run may not: its short time would be."""

    cells: tuple[Cell, ...]
    run: Run | None = None
    able: bool = True


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def cell(self, row: Row, key: str) -> Cell:
        return row.cells[[c.key for c in self.columns].index(key)]


def _metric(part: str, name: str) -> Callable[[Run], Value]:
    return lambda run: run.number("metrics", part, name)


def _f_score(part: str, threshold: int) -> Column:
    name = f"f_score_{threshold}cm"
    return Column(f"{part}_{name}", f"F {threshold} cm", part, _metric(part, name), 3, 1, zero_when_failed=True)


def _iou(run: Run) -> Value:
    """An open mesh has no volume: 0, wherever there is a truth with one."""
    value = run.number("metrics", "complete", "iou")
    scored = run.number("metrics", "complete", "f_score_5cm") is not None
    return 0.0 if value is None and scored and run.closed is False else value


CHAMFER = Column("chamfer_cm", "Chamfer cm", "complete", _metric("complete", "chamfer_cm"), 2, -1)
SCORES = (
    CHAMFER,
    _f_score("complete", 5),
    _f_score("complete", 2),
    Column("iou", "IoU", "complete", _iou, 3, 1, zero_when_failed=True),
    Column(
        "normal_consistency_signed", "Normals ±", "complete", _metric("complete", "normal_consistency_signed"), 3, 1
    ),
    _f_score("hidden", 5),
    _f_score("hidden", 2),
    _f_score("visible", 2),
)
OBSERVED = (
    Column("completeness_cm", "Complet. cm", "complete", _metric("complete", "completeness_cm"), 2, -1),
    Column("recall_2cm", "Recall 2 cm", "complete", _metric("complete", "recall_2cm"), 3, 1, zero_when_failed=True),
)
"""All that a truth of observed points alone can say."""
SECONDS = Column("seconds", "Time s", "", lambda run: run.seconds, 1, -1)

COLUMNS = (
    Column("scene", "Scene", value=lambda r: r.scene, numeric=False),
    Column("object", "Object", value=lambda r: r.object, numeric=False),
    Column("category", "Category", value=lambda r: r.category, numeric=False),
    Column("experiment", "Experiment", value=lambda r: r.experiment, numeric=False),
    Column("ablation", "Ablation", value=lambda r: r.ablation, numeric=False),
    Column("seed", "Seed", value=lambda r: r.seed, numeric=False),
    Column("status", "Status", value=lambda r: r.status, numeric=False),
    *SCORES,
    *OBSERVED,
    Column("seen", "Seen", "evidence", lambda r: r.share("seen"), 2),
    Column("inpainted", "In-painted", "evidence", lambda r: r.share("inpainted"), 2),
    Column("guessed", "Guessed", "evidence", lambda r: r.share("guessed"), 2),
    Column("closed", "Closed", value=lambda r: {True: "yes", False: "no", None: ""}[r.closed], numeric=False),
    Column("verdict", "Verdict", value=lambda r: str(r.part("verdict").get("grade") or ""), numeric=False),
    SECONDS,
    Column("error", "Error", value=lambda r: r.error or "", numeric=False),
)


def build_table(runs: Sequence[Run]) -> Table:
    """Rows in the order of `runs`; of several methods the best one is marked per object."""
    values = [run_values(column, runs) for column in COLUMNS]
    rows = [Row(_cells(v), run, run.status == "ok") for v, run in zip(zip(*values, strict=True), runs, strict=True)]
    if len({run.method for run in runs}) > 1:
        for place in dict.fromkeys(run.place for run in runs):
            mark_best(COLUMNS, rows, [i for i, run in enumerate(runs) if run.place == place])
    return Table(COLUMNS, tuple(rows))


def observed_only(runs: Sequence[Run]) -> bool:
    """Whether some object's truth is a set of observed points, so that it has a recall and no F-score."""
    parts = [run.part("metrics").get("complete") for run in runs if run.status == "ok"]
    known = [part for part in parts if isinstance(part, dict)]
    return any(part.get("recall_2cm") is not None and part.get("f_score_2cm") is None for part in known)


def run_values(column: Column, runs: Sequence[Run]) -> list[Value]:
    """The column's value of every run.

    A failed one has 0 where failures count, provided that there was something to score: another run of the same object
    has a number, or all runs of the object failed and any run of the study has one. It has no distance and no time.
    """
    values = [column.value(run) for run in runs]
    if not column.numeric:
        return values
    ok = {run.place for run in runs if run.status == "ok"}
    known = {run.place for run, value in zip(runs, values, strict=True) if value is not None}
    for i, run in enumerate(runs):
        if run.status == "failed":
            scored = run.place in known or (run.place not in ok and bool(known))
            values[i] = 0.0 if column.zero_when_failed and scored else None
    return values


def number_cell(value: Value, digits: int) -> Cell:
    """A float with that many digits; an integer in a text counts as a number too."""
    if isinstance(value, float):
        return Cell(f"{value:.{digits}f}", value)
    text = " ".join((value or "").split())
    return Cell(text, float(text) if text.isdecimal() else None)


def _cells(values: Sequence[Value]) -> tuple[Cell, ...]:
    return tuple(number_cell(value, column.digits) for column, value in zip(COLUMNS, values, strict=True))


def mark_best(columns: Sequence[Column], rows: list[Row], group: Sequence[int]) -> None:
    """Marks, per column, the rows whose printed number is the best one; none where all print the same."""
    for j, column in enumerate(columns):
        able = [i for i in group if rows[i].cells[j].text and rows[i].able]
        if not column.better or len({rows[i].cells[j].text for i in able}) < 2:
            continue
        best = max(column.better * float(rows[i].cells[j].text) for i in able)
        for i in able:
            cells = rows[i].cells
            if column.better * float(cells[j].text) == best:
                marked = (*cells[:j], replace(cells[j], best=True), *cells[j + 1 :])
                rows[i] = replace(rows[i], cells=marked)
