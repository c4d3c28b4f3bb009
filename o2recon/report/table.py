"""One table of all runs, with means and medians per method. CSV, Markdown, TeX and the page print the same cells."""

import csv
import io
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from o2recon.report.collect import Key, Run

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """`better`: +1 higher, -1 lower, 0 nothing to compare. `zero_when_failed`: a failed run counts as 0 (F, IoU)."""

    key: str
    title: str
    group: str
    value: Callable[[Run], Value]
    digits: int = 0
    better: int = 0
    zero_when_failed: bool = False
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """`text` is what every format prints, "" for nothing; `value` sorts; `best` among the methods compared."""

    text: str
    value: float | None
    best: bool = False


@dataclass(frozen=True)
class Row:
    cells: tuple[Cell, ...]
    run: Run | None = None
    """None in a mean or median row."""

    @property
    def counts(self) -> bool:
        """True when the row may be the best one: no failed run, whose short time would be."""
        return self.run is None or self.run.status == "ok"


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    summaries: tuple[Row, ...]

    def cell(self, row: Row, key: str) -> Cell:
        return row.cells[[c.key for c in self.columns].index(key)]


def _metric(part: str, name: str) -> Callable[[Run], Value]:
    return lambda run: run.number("metrics", part, name)


def _f_score(part: str, threshold: int) -> Column:
    name = f"f_score_{threshold}cm"
    return Column(f"{part}_{name}", f"F {threshold} cm", part, _metric(part, name), 3, 1, zero_when_failed=True)


COLUMNS = (
    Column("scene", "Scene", "", lambda r: r.scene, numeric=False),
    Column("object", "Object", "", lambda r: r.object, numeric=False),
    Column("category", "Category", "", lambda r: r.category, numeric=False),
    Column("experiment", "Experiment", "", lambda r: r.experiment, numeric=False),
    Column("ablation", "Ablation", "", lambda r: r.ablation, numeric=False),
    Column("seed", "Seed", "", lambda r: r.seed, numeric=False),
    Column("status", "Status", "", lambda r: r.status, numeric=False),
    Column("chamfer_cm", "Chamfer cm", "complete", _metric("complete", "chamfer_cm"), 2, -1),
    _f_score("complete", 5),
    _f_score("complete", 2),
    Column("iou", "IoU", "complete", _metric("complete", "iou"), 3, 1, zero_when_failed=True),
    Column("normal_consistency", "Normals", "complete", _metric("complete", "normal_consistency"), 3, 1),
    _f_score("hidden", 5),
    _f_score("hidden", 2),
    _f_score("visible", 2),
    Column("seen", "Seen", "evidence", lambda r: r.share("seen"), 2),
    Column("inpainted", "In-painted", "evidence", lambda r: r.share("inpainted"), 2),
    Column("guessed", "Guessed", "evidence", lambda r: r.share("guessed"), 2),
    Column("verdict", "Verdict", "", lambda r: str(r.part("verdict").get("grade") or ""), numeric=False),
    Column("seconds", "Seconds", "", lambda r: r.total_seconds, 1, -1),
    Column("error", "Error", "", lambda r: r.error or "", numeric=False),
)


def build_table(runs: Sequence[Run]) -> Table:
    """Rows in the order of `runs`, then a mean and a median row per method.

    Failures count as F = 0 and IoU = 0 as soon as any run of the study was scored; distances, normals and seconds are
    over the runs that have them. Unfinished runs count nowhere. The best of several methods is marked per object,
    among the means, and among the medians.
    """
    scored = any(run.scored for run in runs)
    values = [[_value(column, run, scored) for column in COLUMNS] for run in runs]
    rows = [Row(_cells(v), run) for v, run in zip(values, runs, strict=True)]
    methods = list(dict.fromkeys(run.method for run in runs))
    summaries = [_summary(name, method, runs, values) for name in ("mean", "median") for method in methods]
    if len(methods) > 1:
        for place in dict.fromkeys(run.place for run in runs):
            _mark_best(rows, [i for i, run in enumerate(runs) if run.place == place])
        _mark_best(summaries, list(range(len(methods))))
        _mark_best(summaries, list(range(len(methods), 2 * len(methods))))
    return Table(COLUMNS, tuple(rows), tuple(summaries))


def _value(column: Column, run: Run, scored: bool) -> Value:
    if run.status == "failed" and column.zero_when_failed and scored:
        return 0.0
    return column.value(run)


def _cells(values: Sequence[Value]) -> tuple[Cell, ...]:
    cells = []
    for column, value in zip(COLUMNS, values, strict=True):
        if isinstance(value, float):
            cells.append(Cell(f"{value:.{column.digits}f}", value))
        else:
            text = " ".join((value or "").split())
            cells.append(Cell(text, float(text) if text.isdecimal() else None))
    return tuple(cells)


def _summary(name: str, method: Key, runs: Sequence[Run], values: Sequence[Sequence[Value]]) -> Row:
    mine = [i for i, run in enumerate(runs) if run.method == method and run.status != "unfinished"]
    failed = sum(runs[i].status == "failed" for i in mine)
    texts: dict[str, Value] = {
        "scene": name,
        "object": f"{len(mine)} runs",
        "experiment": method[0],
        "ablation": method[1],
        "status": f"{failed} failed",
    }
    reduce = statistics.fmean if name == "mean" else statistics.median
    for j, column in enumerate(COLUMNS):
        numbers = [v for i in mine if isinstance(v := values[i][j], float)]
        if column.numeric and numbers:
            texts[column.key] = float(reduce(numbers))
    return Row(_cells([texts.get(column.key) for column in COLUMNS]))


def _mark_best(rows: list[Row], group: Sequence[int]) -> None:
    """Marks, per column, the rows whose printed number is the best one; none where all print the same."""
    for j, column in enumerate(COLUMNS):
        able = [i for i in group if rows[i].cells[j].text and rows[i].counts]
        if not column.better or len({rows[i].cells[j].text for i in able}) < 2:
            continue
        best = max(column.better * float(rows[i].cells[j].text) for i in able)
        for i in able:
            cell = rows[i].cells[j]
            if column.better * float(cell.text) == best:
                marked = Cell(cell.text, cell.value, best=True)
                rows[i] = Row((*rows[i].cells[:j], marked, *rows[i].cells[j + 1 :]), rows[i].run)


def to_csv(table: Table) -> str:
    """One line of keys, then runs, then means and medians; nothing known = an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    for row in (*table.rows, *table.summaries):
        writer.writerow(cell.text for cell in row.cells)
    return buffer.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table; the best ones in bold."""
    lines = [[_heading(c) for c in table.columns], ["---:" if c.numeric else "---" for c in table.columns]]
    for row in (*table.rows, *table.summaries):
        lines.append([f"**{_md(c.text)}**" if c.best else _md(c.text) for c in row.cells])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def to_tex(table: Table) -> str:
    """A booktabs tabular (\\usepackage{booktabs}); the best ones in bold."""
    alignment = "".join("r" if c.numeric else "l" for c in table.columns)
    headings = _tex_row([_tex(_heading(c)) for c in table.columns])
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", headings, r"\midrule"]
    for part in (table.rows, table.summaries):
        lines += [_tex_row([rf"\textbf{{{_tex(c.text)}}}" if c.best else _tex(c.text) for c in r.cells]) for r in part]
        lines.append(r"\midrule" if part is table.rows else r"\bottomrule")
    return "\n".join([*lines, r"\end{tabular}", ""])


def _heading(column: Column) -> str:
    return f"{column.group} {column.title}".strip() if column.numeric else column.title


def _md(text: str) -> str:
    for character in "\\|*_<>`[]":
        text = text.replace(character, "\\" + character)
    return text


def _tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, "\\" + c if c in "&%$#_{}" else c) for c in text)


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
