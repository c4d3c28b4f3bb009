"""Jobs that SLURM's accounting has forgotten: the queue knows better, and the sweep is told.

submitit asks `sacct` alone. A job of an array that is cancelled before it starts leaves it without a word (and so does
every job where accounting is off), and submitit waits for ever.
"""

import importlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

from o2recon.sweep import Journal, Record

GONE_AFTER_S = 20.0
"""How long a job is missing from the queue and from accounting until it is taken for ended."""
REFRESH_S = 60
GONE = "CANCELLED"


def attend_queue(journal: Journal) -> None:
    """Let submitit, in this process, see jobs that are gone, and write those that never started into `journal`."""
    slurm: Any = importlib.import_module("submitit.slurm.slurm")
    watcher = queue_watcher(
        slurm.SlurmInfoWatcher, queue=tasks_in_queue, ended=lambda id_, state: note_end(journal, id_, state)
    )
    slurm.SlurmJob.watcher = watcher(delay_s=REFRESH_S)


def queue_watcher(
    accounting: type, *, queue: Callable[[str], set[str] | None], ended: Callable[[str, str], None]
) -> Callable[..., Any]:
    """The watcher `accounting` of submitit, to which jobs that are in neither accounting nor `queue` are cancelled.

    `queue(array)`: the jobs of an array in the queue, None when nobody knows. `ended(id, state)` is called for every
    job that ended, each time it is looked at.
    """

    class QueueWatcher(accounting):  # type: ignore[misc, valid-type]
        missing_since: dict[str, float]

        def update(self) -> None:
            for job in self._registered - self._finished:
                self._info_dict.pop(job, None)  # what accounting said before it forgot the job: it waits
            super().update()
            self.missing_since = getattr(self, "missing_since", {})
            forgotten = {job for job in self._registered - self._finished if not self._info_dict.get(job)}
            for array in {job.partition("_")[0] for job in forgotten}:
                self._compare(array, {job for job in forgotten if job.partition("_")[0] == array})
            for job in sorted(self._registered & self._finished):
                ended(job, self.get_state(job, mode="cache"))

        def _compare(self, array: str, forgotten: set[str]) -> None:
            there = queue(array)
            if there is None:
                return
            now = time.monotonic()
            for job in forgotten & there:
                self.missing_since.pop(job, None)
            for job in forgotten - there:
                if now - self.missing_since.setdefault(job, now) >= GONE_AFTER_S:
                    self._info_dict[job] = {"JobID": job, "State": GONE}
                    self._finished.add(job)

    return QueueWatcher


def tasks_in_queue(array: str) -> set[str] | None:
    """The jobs <array>_<n> (or <array>) that SLURM has in any state, ended ones too while it remembers them.

    None when it does not answer."""
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i", f"--jobs={array}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    if told.returncode:
        return set() if "Invalid job id" in told.stderr else None
    return set(told.stdout.split())


def note_end(journal: Journal, job_id: str, state: str) -> None:
    """Record a job that ended without ever having started; its number is that in the array."""
    number = int(job_id.partition("_")[2] or 0)
    if state.startswith("COMPLETED") or journal.has_begun(number):
        return
    now = time.time()
    reason = f"SLURM ended it before it started ({state.lower()}); the same command again starts it"
    journal.write(number, Record("killed", reason, now, now, 0, "", 0, ""))
