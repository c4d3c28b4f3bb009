from pathlib import Path
from typing import Any

import pytest
from made_up_study import metrics, write_run

from o2recon.report.collect import collect_runs
from o2recon.report.methods import Methods, methods_table, paired_differences
from o2recon.report.table import Table


def scores(value: float) -> dict[str, dict[str, float]]:
    return {"complete": {**metrics(value), "iou": value}, "visible": metrics(value), "hidden": metrics(value)}


def methods_of(study: Path) -> Methods:
    return Methods(collect_runs(study))


def cell(table: Table, experiment: str, key: str, **where: str) -> Any:
    wanted = {"experiment": experiment, "statistic": "mean", **where}
    (row,) = [r for r in table.rows if all(table.cell(r, k).text == v for k, v in wanted.items())]
    return table.cell(row, key)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """quick has objects 1, 2, 3 (3 failed), tsdf has 1 and 2."""
    for object_id, value in ((1, 0.8), (2, 0.6)):
        write_run(tmp_path, ("quick", "none"), ("room", object_id), metrics=scores(value))
        write_run(tmp_path, ("tsdf", "none"), ("room", object_id), metrics=scores(value - 0.1))
    write_run(tmp_path, ("quick", "none"), ("room", 3), status="failed", error="x", metrics=None)
    return tmp_path


def test_methods_are_compared_on_the_objects_that_all_have(study: Path) -> None:
    table = methods_table(methods_of(study))
    assert cell(table, "quick", "iou", over="common").value == pytest.approx(0.7)
    assert cell(table, "quick", "objects", over="common").text == "2"
    assert cell(table, "quick", "iou", over="common").best and not cell(table, "tsdf", "iou", over="common").best


def test_over_all_objects_a_missing_one_counts_as_failed(study: Path) -> None:
    table = methods_table(methods_of(study))
    assert cell(table, "quick", "iou", over="all").value == pytest.approx((0.8 + 0.6 + 0) / 3)
    assert cell(table, "tsdf", "iou", over="all").value == pytest.approx((0.7 + 0.5 + 0) / 3)
    assert cell(table, "quick", "chamfer_cm", over="all").value == pytest.approx((1.45 + 1.65) / 2)
    assert [cell(table, n, "failed", over="all").text for n in ("quick", "tsdf")] == ["1", "0"]
    assert [cell(table, n, "missing", over="all").text for n in ("quick", "tsdf")] == ["0", "1"]
    assert cell(table, "quick", "iou", over="all", statistic="median").value == pytest.approx(0.6)


def test_an_ablation_on_few_objects_does_not_narrow_the_comparison(study: Path) -> None:
    write_run(study, ("quick", "no_mask"), ("room", 1), metrics=scores(0.1))
    methods = methods_of(study)
    assert methods.common == [("room", "1"), ("room", "2")]
    assert ("quick", "no_mask") in methods.compared("all") and ("quick", "no_mask") not in methods.compared("common")


def test_a_deleted_mesh_lowers_the_mean(tmp_path: Path) -> None:
    folders = [write_run(tmp_path, ("quick", "none"), ("room", n), metrics=scores(0.8)) for n in (1, 2)]
    before = methods_table(methods_of(tmp_path))
    (folders[0] / "mesh.ply").unlink()
    after = methods_table(methods_of(tmp_path))
    assert [cell(t, "quick", "iou").value for t in (before, after)] == pytest.approx([0.8, 0.4])
    assert [cell(t, "quick", "closed").value for t in (before, after)] == pytest.approx([1.0, 0.5])
    assert [cell(t, "quick", "failed").text for t in (before, after)] == ["0", "1"]


def test_intervals_hold_the_mean_and_stand_in_columns_of_their_own(study: Path) -> None:
    table = methods_table(methods_of(study))
    low, value, high = (cell(table, "quick", f"iou{end}", over="common").value for end in ("_low", "", "_high"))
    assert low == pytest.approx(0.6) and low < value < high == pytest.approx(0.8)
    assert [c.key for c in table.columns if c.csv_only and c.key.startswith("iou")] == ["iou_low", "iou_high"]


def test_seeds_are_averaged_before_objects(tmp_path: Path) -> None:
    for seed, value in ((0, 0.2), (1, 0.4)):
        write_run(tmp_path, ("quick", "none"), ("room", 1), seed=seed, metrics=scores(value))
    write_run(tmp_path, ("quick", "none"), ("room", 2), metrics=scores(0.9))
    assert methods_of(tmp_path).summary(("quick", "none"), "iou", "all").value == pytest.approx(0.6)


def test_ablations_are_paired_over_objects_and_seeds(tmp_path: Path) -> None:
    for ablation, difference in (("none", 0.0), ("no_mask", -0.1)):
        for seed in (0, 1) if ablation == "none" else (1,):
            write_run(
                tmp_path, ("quick", ablation), ("room", 1), seed=seed, metrics=scores(0.3 + 0.4 * seed + difference)
            )
    write_run(tmp_path, ("quick", "no_mask"), ("room", 2), metrics=scores(0.9))
    found = paired_differences(methods_of(tmp_path), ("quick", "no_mask"), "iou")
    assert found == {("room", "1"): [pytest.approx(-0.1)]}


def test_baselines_and_meshes_of_others_come_after_ours(tmp_path: Path) -> None:
    for name in ("hull", "somebody", "quick"):
        changes = {"compared": {}, "seconds": {}} if name == "somebody" else {}
        write_run(tmp_path, (name, "none"), ("room", 1), metrics=scores(0.5), **changes)
    methods = methods_of(tmp_path)
    assert [(m[0], methods.kinds[m]) for m in methods.methods] == [
        ("quick", "ours"),
        ("somebody", "other"),
        ("hull", "baseline"),
    ]


def test_unfinished_runs_count_nowhere(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.8))
    (write_run(tmp_path, ("quick", "none"), ("room", 2)) / "result.json").unlink()
    table = methods_table(methods_of(tmp_path))
    assert cell(table, "quick", "iou").value == pytest.approx(0.8) and cell(table, "quick", "objects").text == "1"


def test_a_study_without_truth_has_no_zeros(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=None)
    write_run(tmp_path, ("quick", "none"), ("room", 2), status="failed", error="x", metrics=None)
    table = methods_table(methods_of(tmp_path))
    assert cell(table, "quick", "complete_f_score_5cm").text == "" and cell(table, "quick", "iou").text == ""
    assert cell(table, "quick", "held_out_depth_cm").text == "0.80"
