import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from o2recon.sweep import Journal, Planned, Record, latest_sweep, standing

JOBS = [Planned((f"object=[{i}]",), "quick", "none", "room", str(i), "chair", "0", "new", "", 100.0) for i in range(4)]


def record(state: str, started: float, ended: float | None) -> Record:
    return Record(state, "", started, ended, 1, "here", 1, "0")


def test_a_plan_survives_writing_and_reading(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "main" / "sweep" / "a")
    journal.begin("run", JOBS, every_job=["reports=false"], attempts=2)
    assert journal.jobs() == JOBS and journal.plan()["every_job"] == ["reports=false"]
    found = latest_sweep(tmp_path / "main")
    assert found is not None and found.folder == journal.folder
    assert latest_sweep(tmp_path) is None


def test_a_running_job_that_is_silent_is_lost_and_an_ended_one_is_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number, state in enumerate(("running", "running", "ok")):
        journal.write(number, record(state, 0.0, None))
        os.utime(tmp_path / "jobs" / f"{number}.json", (time.time() - 600,) * 2)
    journal.beat(1)
    assert [journal.records()[i].state for i in range(3)] == ["lost", "running", "ok"]


def test_the_remaining_time_is_shared_by_as_many_as_ran_at_once() -> None:
    records = {0: record("ok", 0.0, 100.0), 1: record("ok", 0.0, 100.0)}
    state = standing(JOBS, records, now=100.0)
    assert state.remaining_s == pytest.approx(100) and state.counts == {"ok": 2, "waiting": 2}
    records |= {2: record("running", 100.0, None)}
    assert standing(JOBS, records, now=150.0).remaining_s == pytest.approx(75)
    assert state.line == "2 ok, 2 waiting; about 2 min left"


def test_before_anything_ended_the_plan_is_believed_and_without_it_nothing_is_said() -> None:
    assert standing(JOBS, {}, now=0.0).remaining_s == pytest.approx(400)
    unknown = [replace(job, seconds=None) for job in JOBS]
    assert standing(unknown, {}, now=0.0).remaining_s is None


def test_the_preparation_of_an_object_is_expected_once() -> None:
    jobs = [replace(job, seconds=None, prepares=i == 0) for i, job in enumerate(JOBS)]
    records = {0: record("ok", 0.0, 90.0), 1: record("ok", 90.0, 110.0)}
    assert standing(jobs, records, now=110.0).remaining_s == pytest.approx(40)  # two more of 20 s, none of 90 s
    known = [replace(job, seconds=100.0 if job.prepares else 30.0) for job in jobs]
    assert standing(known, {0: records[0]}, now=90.0).remaining_s == pytest.approx(90)
    assert standing(jobs, {0: records[0]}, now=90.0).remaining_s == pytest.approx(270)  # nothing better is known
