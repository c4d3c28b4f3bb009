"""Jobs that SLURM's accounting forgets. The outputs of `squeue` are those of SLURM 22.05 with one task cancelled."""

from pathlib import Path
from typing import Any

import pytest

from o2recon.cli import slurm
from o2recon.cli.slurm import note_end, queue_watcher, tasks_in_queue
from o2recon.sweep import Journal, Planned, Record, standing


class Accounting:
    """As submitit's watcher, which asks `sacct` in `update`."""

    def __init__(self, told: dict[str, str]) -> None:
        self.told = told
        self._registered = {"68_0", "68_1", "68_4", "68_5"}
        self._finished: set[str] = set()
        self._info_dict: dict[str, dict[str, str]] = {}

    def update(self) -> None:
        self._info_dict |= {job: {"State": state} for job, state in self.told.items()}
        ends = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT")
        self._finished |= {job for job, info in self._info_dict.items() if info["State"].split()[0] in ends}

    def get_state(self, job_id: str, mode: str) -> str:
        return self._info_dict.get(job_id, {}).get("State") or "UNKNOWN"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: now[0])
    return now


def watcher_of(queue: set[str] | None, told: list[tuple[str, str]]) -> Any:
    accounting = {"68_0": "RUNNING", "68_1": "COMPLETED", "68_5": "PENDING"}
    kind = queue_watcher(Accounting, queue=lambda _: queue, ended=lambda job, state: told.append((job, state)))
    return kind(accounting)


def test_a_job_in_neither_accounting_nor_the_queue_is_cancelled_after_a_while(clock: list[float]) -> None:
    told: list[tuple[str, str]] = []
    watcher = watcher_of({"68_0", "68_5"}, told)
    watcher.update()
    assert watcher.get_state("68_4", "cache") == "UNKNOWN" and told == [("68_1", "COMPLETED")]
    clock[0] += 21
    watcher.update()
    assert watcher.get_state("68_4", "cache") == "CANCELLED" and "68_4" in watcher._finished
    assert ("68_4", "CANCELLED") in told and watcher.get_state("68_0", "cache") == "RUNNING"


def test_a_job_that_accounting_knew_until_it_was_cancelled_is_noticed(clock: list[float]) -> None:
    queue = {"68_4", "68_5"}
    watcher = watcher_of(queue, [])
    watcher.update()
    assert watcher.get_state("68_5", "cache") == "PENDING"
    del watcher.told["68_5"]
    queue.clear()
    for _ in range(2):
        clock[0] += 21
        watcher.update()
    assert watcher.get_state("68_5", "cache") == "CANCELLED"


@pytest.mark.parametrize("queue", [None, {"68_4"}])
def test_a_job_that_the_queue_has_or_may_have_is_waited_for(clock: list[float], queue: set[str] | None) -> None:
    watcher = watcher_of(queue, [])
    for _ in range(3):
        watcher.update()
        clock[0] += 21
    assert watcher.get_state("68_4", "cache") == "UNKNOWN"


def test_a_job_that_was_only_missed_once_is_not_gone(clock: list[float]) -> None:
    queue: set[str] = set()
    watcher = watcher_of(queue, [])
    watcher.update()
    clock[0] += 15
    queue.add("68_4")  # requeued
    watcher.update()
    clock[0] += 15
    queue.clear()
    watcher.update()
    assert watcher.get_state("68_4", "cache") == "UNKNOWN"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("printf '68_2\\n68_3\\n68_1\\n'", {"68_1", "68_2", "68_3"}),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", set()),
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", None),
    ],
)
def test_what_the_queue_answers(
    script: str, expected: set[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\n{script}\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert tasks_in_queue("68") == expected


def test_without_slurm_nobody_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tasks_in_queue("68") is None


def test_a_job_that_never_started_is_recorded_and_others_are_left_alone(tmp_path: Path) -> None:
    jobs = [Planned((), "quick", "none", "room", str(n), "chair", "0", "new", "") for n in range(3)]
    journal = Journal(tmp_path)
    journal.begin("run", jobs, every_job=[], attempts=1)
    journal.write(0, Record("ok", "", 1.0, 2.0, 1, "here", 1, ""))
    for number, state in enumerate(("CANCELLED by 0", "COMPLETED", "CANCELLED by 0")):
        note_end(journal, f"68_{number}", state)
    records = journal.records()
    assert set(records) == {0, 2} and records[0].state == "ok"
    assert records[2].state == "killed" and "before it started (cancelled by 0)" in records[2].reason
    assert standing(jobs, records, now=3.0).line.startswith("1 ok, 1 waiting, 1 killed")
