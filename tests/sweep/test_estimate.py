import json
from pathlib import Path
from typing import Any

from o2recon.sweep import Estimates, earlier_results


def result(ablation: str, object_id: int, train: float, **others: Any) -> dict[str, Any]:
    about = {"experiment": "quick", "ablation": ablation, "scene": "room", "object": object_id, "status": "ok"}
    return about | {"seconds": {"volume": 10.0, "train": train}} | others


def test_the_most_similar_runs_count() -> None:
    estimates = Estimates([result("none", 1, 100), result("none", 2, 300), result("no_mask", 1, 40)])
    assert estimates("quick", "none", "room", "1", prepares=False) == 100
    assert estimates("quick", "no_depth", "room", "1", prepares=False) == 70  # the same object
    assert estimates("quick", "no_mask", "other", "7", prepares=False) == 40  # the same ablation
    assert estimates("fast", "none", "room", "1", prepares=False) is None


def test_preparation_counts_only_where_it_is_to_be_done_and_failures_not_at_all() -> None:
    estimates = Estimates([result("none", 1, 100), result("none", 1, 9, status="failed")])
    assert estimates("quick", "none", "room", "1", prepares=True) == 110


def test_a_job_takes_its_start_too() -> None:
    runs = [
        result("none", 1, 100, start_s=6.0),
        result("none", 2, 300, start_s=8.0),
        result("none", 3, 200, start_s=None),
    ]
    assert Estimates(runs)("quick", "none", "room", "2", prepares=False) == 307


def test_other_studies_help_only_a_study_without_results(tmp_path: Path) -> None:
    def write(study: str, number: int) -> None:
        folder = tmp_path / study / "quick" / "none" / "room" / str(number) / "seed_0"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({"object": number}))

    write("old", 1)
    assert [r["object"] for r in earlier_results(tmp_path / "new")] == [1]
    write("new", 2)
    assert [r["object"] for r in earlier_results(tmp_path / "new")] == [2]
