"""A sweep as files: its plan, and what became of each job. Every process of it, on every machine, writes its own."""

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from o2recon.files import write_json
from o2recon.sweep.plan import Planned, duration

STATES = ("ok", "running", "waiting", "elsewhere", "failed", "killed", "lost")
HEARTBEAT_S = 5.0
DEAD_AFTER_S = 60.0
"""A running job whose file was not touched for so long has lost its process."""


@dataclass(frozen=True)
class Record:
    """One started job. `state`: running, ok, failed (it said why), killed (it could not), elsewhere (another process
    worked on its object). Times: seconds since 1970."""

    state: str
    reason: str
    started: float
    ended: float | None
    attempt: int
    host: str
    pid: int
    device: str


@dataclass(frozen=True)
class Standing:
    """Where a sweep stands, by states of its jobs; `lost`: its process is gone without a word."""

    counts: Counter[str]
    remaining_s: float | None

    @property
    def line(self) -> str:
        told = [f"{self.counts[s]} {s}" for s in STATES]
        kept = [t for t in told if not t.startswith("0 ")]
        eta = f"; about {duration(self.remaining_s)} left" if self.remaining_s else ""
        return ", ".join(kept) + eta


class Journal:
    """`outputs/<study>/sweep/<start>/`: plan.json, jobs/<n>.json, jobs/<n>.log, sweep.log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, stage: str, jobs: Sequence[Planned], *, every_job: Sequence[str], attempts: int) -> None:
        """Write what will be done. `every_job`: overrides that all get; `attempts`: starts of a job that is killed."""
        content = {"stage": stage, "cwd": os.getcwd(), "attempts": attempts, "every_job": list(every_job)}
        content["jobs"] = [asdict(j) for j in jobs]
        write_json(self.folder / "plan.json", content)

    def plan(self) -> dict[str, Any]:
        """What `begin` wrote."""
        return dict(json.loads((self.folder / "plan.json").read_text()))

    def jobs(self) -> list[Planned]:
        """The planned jobs, in order."""
        return [Planned(**{**job, "overrides": tuple(job["overrides"])}) for job in self.plan()["jobs"]]

    def log(self, number: int) -> Path:
        """Everything that a job printed."""
        return self.folder / "jobs" / f"{number}.log"

    def write(self, number: int, record: Record) -> None:
        write_json(self.folder / "jobs" / f"{number}.json", asdict(record))

    def has_begun(self, number: int) -> bool:
        """Whether there is a record of the job."""
        return (self.folder / "jobs" / f"{number}.json").is_file()

    def beat(self, number: int) -> None:
        """Say that the job's process still lives."""
        os.utime(self.folder / "jobs" / f"{number}.json")

    def records(self) -> dict[int, Record]:
        """Every started job by its number; one whose process is gone counts as lost."""
        found = {}
        for file in (self.folder / "jobs").glob("[0-9]*.json"):
            record = Record(**json.loads(file.read_text()))
            if record.state == "running" and time.time() - file.stat().st_mtime > DEAD_AFTER_S:
                record = Record(**{**asdict(record), "state": "lost", "reason": "its process is gone"})
            found[int(file.stem)] = record
        return found


def standing(jobs: Sequence[Planned], records: dict[int, Record], *, now: float) -> Standing:
    """Counts by state, and the expected time: what is left, at the pace of as many jobs as ran at once so far.

    Jobs that prepare their object are compared with each other, as long as any of either kind is known."""
    counts = Counter(records[i].state if i in records else "waiting" for i in range(len(jobs)))
    typical = {prepares: _typical(jobs, records, prepares=prepares) for prepares in (False, True)}
    left = 0.0
    for i, job in enumerate(jobs):
        seconds = typical[job.prepares]
        if seconds is None:
            return Standing(counts, None)
        if i not in records:
            left += seconds
        elif records[i].state == "running":
            left += max(seconds - (now - records[i].started), 0.0)
    return Standing(counts, left / max(at_once(records), 1))


def _typical(jobs: Sequence[Planned], records: dict[int, Record], *, prepares: bool) -> float | None:
    """Mean seconds of a job that prepares its object, or of one that does not: of those that ended, else of the planned
    ones, else of all jobs that ended; None when nothing is known."""
    ended = [(jobs[i].prepares, r.ended - r.started) for i, r in records.items() if r.state == "ok" and r.ended]
    planned = [(j.prepares, j.seconds) for j in jobs if j.seconds is not None]
    alike = [[seconds for kind, seconds in known if kind is prepares] for known in (ended, planned)]
    for known in (*alike, [seconds for _, seconds in ended], [seconds for _, seconds in planned]):
        if known:
            return sum(known) / len(known)
    return None


def at_once(records: dict[int, Record]) -> int:
    """The largest number of jobs that ran at the same time."""
    events = [(r.started, 1) for r in records.values()] + [(r.ended, -1) for r in records.values() if r.ended]
    running, most = 0, 0
    for _, step in sorted(events):
        running += step
        most = max(most, running)
    return most


def new_sweep(study: Path) -> Journal:
    """The journal of a sweep that starts now, in a folder of its own, also when others start at this moment."""
    start = time.strftime("%Y-%m-%d_%H-%M-%S")
    for number in itertools.count(os.getpid()):
        folder = study.absolute() / "sweep" / f"{start}_{number}"
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            continue
    return Journal(folder)


def latest_sweep(study: Path) -> Journal | None:
    """The sweep of a study that was started last."""
    plans = sorted(study.glob("sweep/*/plan.json"))
    return Journal(plans[-1].parent) if plans else None
