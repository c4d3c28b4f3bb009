from pathlib import Path
from typing import Any

import pytest
import yaml

from o2recon.manifest import package_version
from o2recon.sweep import Planned, deciding, exclusive, plan_lines, run_fingerprint, run_state, totals, write_result

CONFIG: dict[str, Any] = {"seed": 0, "train": {"num_steps": 3}, "baseline": None, "mesh": {"spacing_m": 0.01}}
INPUTS = {"prepared": "a", "groundtruth": "none"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "mesh.ply").touch()
    (run / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    write(run)
    return run


def write(run: Path, **others: Any) -> None:
    print_of = run_fingerprint(deciding(CONFIG), INPUTS)
    result = {"status": "ok", "fingerprint": print_of, "inputs": INPUTS, "versions": {"o2recon": package_version()}}
    write_result(run, result | others)


def state(run: Path, config: dict[str, Any] = CONFIG, truth: str = "none", outside: str = "") -> tuple[str, str]:
    return run_state(run, lambda: config, truth=lambda: truth, outside=lambda result: outside)


def test_a_finished_run_is_ok_and_an_untouched_one_new(folder: Path) -> None:
    assert state(folder) == ("ok", "")
    assert state(folder.parent / "other") == ("new", "")


def test_a_changed_option_makes_it_stale_and_is_named(folder: Path) -> None:
    assert state(folder, CONFIG | {"mesh": {"spacing_m": 0.02}}) == ("stale", "mesh.spacing_m: 0.01 -> 0.02")


def test_another_seed_in_the_folder_is_named(folder: Path) -> None:
    assert state(folder, CONFIG | {"seed": 4}) == ("stale", "seed: 0 -> 4")


def test_where_a_run_is_done_does_not_make_it_stale(folder: Path) -> None:
    assert state(folder, CONFIG | {"work": "/elsewhere", "reports": False, "sweep": {"attempts": 5}}) == ("ok", "")


def test_other_truth_what_changed_outside_and_a_missing_mesh_make_it_stale(folder: Path) -> None:
    assert state(folder, outside="files of the scan changed") == ("stale", "files of the scan changed")
    assert state(folder, truth="new") == ("stale", "the ground truth changed")
    (folder / "mesh.ply").unlink()
    assert state(folder) == ("stale", "mesh.ply is gone")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", None])
def test_a_config_that_cannot_be_read_is_told_and_stops_no_plan(content: bytes | None, folder: Path) -> None:
    (folder / "config.yaml").unlink()
    if content is not None:
        (folder / "config.yaml").write_bytes(content)
    assert state(folder, CONFIG | {"mesh": {}}) == (
        "stale",
        "made with other options, which its config.yaml does not say",
    )


def test_another_version_of_the_package_makes_it_stale(folder: Path) -> None:
    write(folder, fingerprint="x", versions={"o2recon": "0.0.1"})
    assert state(folder)[1].startswith("made by version 0.0.1")


def test_a_failed_a_killed_and_a_held_run_are_told_apart(folder: Path) -> None:
    write(folder, status="failed", error="out of memory")
    assert state(folder) == ("failed", "out of memory")
    (folder / "result.json").unlink()
    assert state(folder)[0] == "unfinished"
    with exclusive(folder, wait=False):
        assert state(folder)[0] == "running"


def planned(state: str, seconds: float | None = None, note: str = "") -> Planned:
    return Planned(("object=[1]",), "quick", "none", "room", "1", "chair", "0", state, note, seconds)


@pytest.mark.parametrize(
    ("state", "retry", "runs"),
    [
        ("new", None, True),
        ("unfinished", None, True),
        ("stale", "failed", True),
        ("ok", None, False),
        ("ok", "all", True),
        ("failed", None, False),
        ("failed", "failed", True),
        ("failed", "all", True),
        ("running", "all", False),
    ],
)
def test_what_a_sweep_starts(state: str, retry: str | None, runs: bool) -> None:
    assert planned(state).runs(retry) is runs


def test_the_expected_time_is_that_of_the_jobs_that_start() -> None:
    plan = [planned("ok", 1000.0), planned("new", 60.0), planned("new", 180.0), planned("new")]
    assert totals(plan, retry=None) == (
        "4 jobs: 1 ok, 3 new; 3 to run, about 6 min one after the other (1 of them like the mean of the others)"
    )


def test_the_listing_has_a_line_per_job_and_says_how_to_retry() -> None:
    lines = plan_lines([planned("failed", note="out of memory"), planned("new")], retry=None)
    assert len(lines) == 5 and lines[1].endswith("[1]") and lines[3] == "[1] out of memory"
    assert "retry=failed" in lines[-1] and "retry=failed" not in plan_lines([planned("failed")], retry="failed")[-1]
