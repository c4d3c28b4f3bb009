import csv
import io
import json
import re
from pathlib import Path

import pytest
from made_up_study import metrics, write_run

from o2recon.report.collect import collect_runs
from o2recon.report.table import Table, build_table, to_csv, to_markdown, to_tex


def scores(value: float) -> dict[str, dict[str, float]]:
    return {"complete": {**metrics(value), "iou": value}, "visible": metrics(value), "hidden": metrics(value)}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    for object_id, value in ((1, 0.8), (2, 0.6)):
        write_run(tmp_path, ("quick", "none"), ("a_room", object_id), metrics=scores(value))
        write_run(tmp_path, ("tsdf", "none"), ("a_room", object_id), metrics=scores(value - 0.1))
    write_run(
        tmp_path, ("quick", "none"), ("a_room", 3), status="failed", error="50 % & a_{b}\nsecond |line|", metrics=None
    )
    return build_table(collect_runs(tmp_path))


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
    rows = list(csv.reader(io.StringIO(to_csv(table))))[1:]
    assert len(rows) == 5 + 4
    assert rows_of_markdown(to_markdown(table)) == rows
    assert rows_of_tex(to_tex(table)) == rows


def test_a_failure_counts_as_zero_in_f_scores_and_is_left_out_of_distances(table: Table) -> None:
    mean = next(r for r in table.summaries if r.cells[0].text == "mean" and table.cell(r, "experiment").text == "quick")
    assert table.cell(mean, "iou").value == pytest.approx((0.8 + 0.6 + 0) / 3)
    assert table.cell(mean, "chamfer_cm").value == pytest.approx((1.45 + 1.65) / 2)
    assert table.cell(mean, "status").text == "1 failed" and table.cell(mean, "object").text == "3 runs"
    median = next(
        r for r in table.summaries if r.cells[0].text == "median" and table.cell(r, "experiment").text == "quick"
    )
    assert table.cell(median, "iou").value == pytest.approx(0.6)


def test_the_better_method_is_marked_per_object_and_among_means(table: Table) -> None:
    for row in (*table.rows, *table.summaries):
        if table.cell(row, "object").text == "3" or not table.cell(row, "chamfer_cm").text:
            continue
        assert table.cell(row, "chamfer_cm").best == (table.cell(row, "experiment").text == "quick"), row
    means = [r for r in table.summaries if r.cells[0].text == "mean"]
    assert [table.cell(r, "iou").best for r in means] == [False, True]  # the failure costs quick its lead in IoU


def test_one_method_alone_is_not_the_best_of_anything(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path, ("quick", "none"), ("room", 1), seed=seed, metrics=scores(0.5 + seed / 10))
    table = build_table(collect_runs(tmp_path))
    assert not any(cell.best for row in (*table.rows, *table.summaries) for cell in row.cells)


def test_a_study_without_truth_has_no_zeros(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=None)
    write_run(tmp_path, ("quick", "none"), ("room", 2), status="failed", error="x", metrics=None)
    table = build_table(collect_runs(tmp_path))
    assert all(table.cell(r, "complete_f_score_5cm").text == "" for r in (*table.rows, *table.summaries))


def test_unfinished_runs_are_listed_but_count_nowhere(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.8))
    (write_run(tmp_path, ("quick", "none"), ("room", 2)) / "result.json").unlink()
    table = build_table(collect_runs(tmp_path))
    assert [table.cell(r, "status").text for r in table.rows] == ["ok", "unfinished"]
    assert table.cell(table.summaries[0], "iou").value == pytest.approx(0.8)


def test_integers_of_json_are_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, ("quick", "none"), ("room", 1))
    result = json.loads((folder / "result.json").read_text())
    result["metrics"]["complete"]["iou"] = 1
    (folder / "result.json").write_text(json.dumps(result))
    table = build_table(collect_runs(tmp_path))
    assert table.cell(table.rows[0], "iou").text == "1.000"
