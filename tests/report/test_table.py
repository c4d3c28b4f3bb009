import json
from pathlib import Path

import pytest
from made_up_study import metrics, write_run

from o2recon.report.collect import collect_runs
from o2recon.report.table import Table, build_table


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


def test_a_failure_counts_as_zero_in_f_scores_and_has_no_distance(table: Table) -> None:
    row = next(r for r in table.rows if table.cell(r, "status").text == "failed")
    assert table.cell(row, "iou").text == "0.000" and table.cell(row, "hidden_f_score_2cm").text == "0.000"
    assert table.cell(row, "chamfer_cm").text == "" and table.cell(row, "seconds").text == ""


def test_a_deleted_mesh_is_a_failure_with_a_score_of_zero(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.8))
    (write_run(tmp_path, ("quick", "none"), ("room", 2), metrics=scores(0.8)) / "mesh.ply").unlink()
    table = build_table(collect_runs(tmp_path))
    assert [table.cell(r, "status").text for r in table.rows] == ["ok", "failed"]
    assert [table.cell(r, "complete_f_score_5cm").text for r in table.rows] == ["0.640", "0.000"]
    assert "mesh.ply is missing" in table.cell(table.rows[1], "error").text


def test_a_failure_has_no_score_where_even_a_success_has_none(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.8))
    observed = {"complete": {"completeness_cm": 1.0, "recall_5cm": 0.9}}
    write_run(tmp_path, ("quick", "none"), ("kitchen", 1), metrics=observed)
    write_run(tmp_path, ("tsdf", "none"), ("kitchen", 1), status="failed", error="x", metrics=None)
    table = build_table(collect_runs(tmp_path))
    kitchen = [r for r in table.rows if table.cell(r, "scene").text == "kitchen"]
    assert all(table.cell(r, "complete_f_score_5cm").text == "" for r in kitchen)
    assert [table.cell(r, "completeness_cm").text for r in kitchen] == ["1.00", ""]


def test_an_open_mesh_has_a_volumetric_iou_of_zero(tmp_path: Path) -> None:
    metrics_without = {"complete": metrics(0.9)}
    write_run(tmp_path, ("tsdf", "none"), ("room", 1), metrics=metrics_without, mesh={"watertight": False})
    table = build_table(collect_runs(tmp_path))
    assert table.cell(table.rows[0], "iou").text == "0.000" and table.cell(table.rows[0], "closed").text == "no"


def test_time_is_that_until_the_mesh_is_there(table: Table) -> None:
    assert table.cell(table.rows[0], "seconds").value == pytest.approx(3.2 + 4.8 + 61.5 + 9.9)


def test_the_better_method_is_marked_per_object_and_among_means(table: Table) -> None:
    for row in table.rows:
        if table.cell(row, "object").text == "3" or not table.cell(row, "chamfer_cm").text:
            continue
        assert table.cell(row, "chamfer_cm").best == (table.cell(row, "experiment").text == "quick"), row


def test_one_method_alone_is_not_the_best_of_anything(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path, ("quick", "none"), ("room", 1), seed=seed, metrics=scores(0.5 + seed / 10))
    table = build_table(collect_runs(tmp_path))
    assert not any(cell.best for row in table.rows for cell in row.cells)


def test_a_study_without_truth_has_no_zeros(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=None)
    write_run(tmp_path, ("quick", "none"), ("room", 2), status="failed", error="x", metrics=None)
    table = build_table(collect_runs(tmp_path))
    assert all(table.cell(r, "complete_f_score_5cm").text == "" for r in table.rows)


def test_unfinished_runs_are_listed(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.8))
    (write_run(tmp_path, ("quick", "none"), ("room", 2)) / "result.json").unlink()
    table = build_table(collect_runs(tmp_path))
    assert [table.cell(r, "status").text for r in table.rows] == ["ok", "unfinished"]


def test_integers_of_json_are_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, ("quick", "none"), ("room", 1))
    result = json.loads((folder / "result.json").read_text())
    result["metrics"]["complete"]["iou"] = 1
    (folder / "result.json").write_text(json.dumps(result))
    table = build_table(collect_runs(tmp_path))
    assert table.cell(table.rows[0], "iou").text == "1.000"
