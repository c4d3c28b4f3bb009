import csv
import io
import re
from pathlib import Path

import pytest
from made_up_study import metrics, write_run

from o2recon.report.collect import collect_runs
from o2recon.report.formats import to_csv, to_markdown, to_tex
from o2recon.report.methods import Methods, methods_table
from o2recon.report.table import Table, build_table


@pytest.fixture(params=["table", "methods"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    for object_id, value in ((1, 0.8), (2, 0.6)):
        for name, worse in (("quick", 0.0), ("tsdf", 0.1)):
            scores = {"complete": {**metrics(value - worse), "iou": value - worse}, "hidden": metrics(value - worse)}
            write_run(tmp_path, (name, "none"), ("a_room", object_id), metrics=scores)
    failed = {"status": "failed", "error": "50 % & a_{b}\nsecond |line|", "metrics": None}
    write_run(tmp_path, ("quick", "none"), ("a_room", 3), **failed)
    runs = collect_runs(tmp_path)
    return build_table(runs) if request.param == "table" else methods_table(Methods(runs))


def rows_of_tex(text: str) -> list[list[str]]:
    lines = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r" \\")]
    cells = [re.split(r"(?<!\\) ?& ?", line) for line in lines[1:]]
    return [
        [re.sub(r"\\([&%$#_{}])", r"\1", re.sub(r"^\\textbf\{(.*)\}$", r"\1", c)).strip() for c in row] for row in cells
    ]


def rows_of_markdown(text: str) -> list[list[str]]:
    lines = text.splitlines()[2:]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", re.sub(r"^\*\*(.*)\*\*$", r"\1", c.strip())) for c in row] for row in cells]


def test_csv_markdown_and_tex_hold_the_same_cells(table: Table) -> None:
    keys, *rows = csv.reader(io.StringIO(to_csv(table)))
    printed = [i for i, column in enumerate(table.columns) if not column.csv_only]
    assert keys == [column.key for column in table.columns] and len(rows) == len(table.rows) > 4
    rows = [[row[i] for i in printed] for row in rows]
    assert rows_of_markdown(to_markdown(table)) == rows
    assert rows_of_tex(to_tex(table)) == rows
