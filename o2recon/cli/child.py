"""A job of a sweep in a process of its own: whatever happens to it, the sweep learns of it and goes on.

Out of memory, a poisoned GPU context or a signal end that process alone. It ends with the process that started it,
however that one ends: it reads a pipe that only closes when nobody is there to write.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from o2recon.sweep import HEARTBEAT_S, Journal, Record

CHILD = "O2RECON_JOB_OF_A_SWEEP"
STARTED = "O2RECON_JOB_STARTED"
"""In a job's environment: when its process was started, seconds since 1970."""
INTERRUPTED, TERMINATED = 130, 143
"""What a shell calls a process that Ctrl-C or SIGTERM ended."""
ELSEWHERE = 75
"""Status of a job whose object another process works on: nothing failed."""
GRACE_S = 8.0
"""How long a process that got SIGTERM may take to end by itself."""


def end_with_parent() -> None:
    """In the child: end this process when the one that started it is gone. Does nothing outside of sweeps."""
    if os.environ.pop(CHILD, None):
        threading.Thread(target=_wait_for_the_end, daemon=True).start()


def seconds_since_start() -> float | None:
    """How long ago the process of this job was started; None outside of sweeps."""
    started = os.environ.get(STARTED)
    return None if started is None else round(time.time() - float(started), 2)


def _wait_for_the_end() -> None:
    while os.read(0, 1):
        pass
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # a training saves
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
    os._exit(INTERRUPTED)  # without unwinding: checkpoints and results are written atomically


@dataclass(frozen=True)
class SweepJob:
    """What a launcher calls on some machine: job number `config.job` of the sweep in `folder`; never raises for it."""

    folder: str

    def __call__(self, config: "object") -> str:
        """Run the job, again while it gets killed and attempts are left; its last state."""
        journal, number = Journal(Path(self.folder)), int(config.job)  # type: ignore[attr-defined]
        plan = journal.plan()
        overrides = plan["jobs"][number]["overrides"]
        command = [sys.executable, "-m", "o2recon.cli.main", plan["stage"], *overrides, *plan["every_job"]]
        for attempt in range(1, int(plan["attempts"]) + 1):
            record = _attempted(command, Path(plan["cwd"]), journal, number, attempt)
            if record.state != "killed":
                break
        return record.state


def _attempted(command: list[str], cwd: Path, journal: Journal, number: int, attempt: int) -> Record:
    """Start the process once and keep its record."""
    device = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    log = journal.log(number)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        output.write(f"$ o2recon {' '.join(command[3:])}\n".encode())
        output.flush()
        process = subprocess.Popen(
            command, cwd=cwd, env=_environment(), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        )
        record = Record("running", "", time.time(), None, attempt, socket.gethostname(), process.pid, device)
        journal.write(number, record)
        try:
            status = _waited(process, journal, number)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # the child ends, if it has not
            process.wait()
    state, reason = outcome(status, log)
    record = replace(record, state=state, reason=reason, ended=time.time())
    journal.write(number, record)
    return record


def _waited(process: "subprocess.Popen[bytes]", journal: Journal, number: int) -> int:
    while True:
        try:
            return process.wait(HEARTBEAT_S)
        except subprocess.TimeoutExpired:
            journal.beat(number)


def outcome(status: int, log: Path) -> tuple[str, str]:
    """State and one-line reason of a process that ended with `status`."""
    if status == 0:
        return "ok", ""
    if status < 0 or status == TERMINATED:
        name = signal.Signals(-status if status < 0 else signal.SIGTERM).name
        memory = ": probably out of memory" if -status == signal.SIGKILL else ""
        return "killed", f"killed by {name}{memory}; it continues from its checkpoint when started again"
    complaints = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("o2recon: ")]
    reason = complaints[-1].removeprefix("o2recon: ") if complaints else f"exit status {status}"
    return "elsewhere" if status == ELSEWHERE else "failed", reason


def _environment() -> dict[str, str]:
    """The launcher's, with no more threads than the job has cores."""
    environment = dict(os.environ) | {CHILD: "1", STARTED: str(time.time()), "PYTHONUNBUFFERED": "1"}
    environment.pop("SLURM_NTASKS", None)  # Lightning would take the job for its own, and requeue it
    threads = environment.get("OMP_NUM_THREADS") or environment.get("SLURM_CPUS_PER_TASK")
    if threads:
        environment.setdefault("OMP_NUM_THREADS", threads)
        environment.setdefault("NUMBA_NUM_THREADS", threads)
    return environment
