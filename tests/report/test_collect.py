import json
from pathlib import Path

import pytest
from made_up_study import write_run, write_truth

from o2recon.report.collect import chosen_runs, collect_runs, groundtruth_of, scene_facts


def test_runs_come_in_the_order_of_scene_object_and_method(tmp_path: Path) -> None:
    for ablation in ("no_inpaint", "none"):
        for number in (10, 9):
            write_run(tmp_path, ("quick", ablation), ("room", number), status="failed", error="x")
    runs = collect_runs(tmp_path)
    assert [(r.object, r.ablation) for r in runs] == [
        ("9", "none"),
        ("9", "no_inpaint"),
        ("10", "none"),
        ("10", "no_inpaint"),
    ]


def test_a_run_without_result_is_unfinished_and_a_broken_result_is_a_failure(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1)).joinpath("result.json").unlink()
    write_run(tmp_path, ("quick", "none"), ("room", 2)).joinpath("result.json").write_text('{"status": "o')
    unfinished, broken = collect_runs(tmp_path)
    assert unfinished.status == "unfinished" and broken.status == "failed"
    assert "cannot be read" in str(broken.error)


def test_only_the_runs_asked_for_are_reported(tmp_path: Path) -> None:
    for scene, number in (("room", 1), ("room", 10), ("hall", 1)):
        write_run(tmp_path, ("quick", "none"), (scene, number))
    runs = collect_runs(tmp_path)
    assert {r.place for r in chosen_runs(runs, {"object": 1, "seed": []})} == {("room", "1"), ("hall", "1")}
    assert [r.place for r in chosen_runs(runs, {"scene": ["room"], "object": ["10"]})] == [("room", "10")]
    with pytest.raises(ValueError, match=r"leaves none of 3 runs; there are: scene hall, room"):
        chosen_runs(runs, {"scene": ["kitchen"]})
    with pytest.raises(ValueError, match=r"report\.only has rooms"):
        chosen_runs(runs, {"rooms": ["kitchen"]})


def test_an_empty_study_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no runs.*o2recon run"):
        collect_runs(tmp_path)


def test_every_part_of_a_result_may_be_missing(tmp_path: Path) -> None:
    folder = write_run(tmp_path, ("quick", "none"), ("room", 1))
    (folder / "result.json").write_text(json.dumps({"status": "ok"}))
    (run,) = collect_runs(tmp_path)
    assert run.number("metrics", "complete", "iou") is None and run.share("seen") is None
    assert run.seconds is None and not run.scored and groundtruth_of(run) is None


def test_facts_are_found_beside_the_truth_and_beside_the_scan(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "scan", 2)
    by_truth = write_run(tmp_path / "study", ("quick", "none"), ("room", 2), groundtruth=str(truth))
    by_config = write_run(tmp_path / "study", ("quick", "none"), ("other", 2))
    (by_config / "config.yaml").write_text(f"scene:\n  root: {tmp_path / 'scan'}\n")
    assert by_truth.is_dir()
    for run in collect_runs(tmp_path / "study"):
        assert scene_facts(run)["unseen_share"] == 0.47
