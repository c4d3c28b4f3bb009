"""Jobs of a sweep as processes: a stand-in for the command shows what the sweep makes of every way to end."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from o2recon.cli import child
from o2recon.cli.child import SweepJob, outcome
from o2recon.cli.main import status_of
from o2recon.sweep import Journal, Planned

ENDS = {
    "ok": "print('fine')",
    "failed": "import sys; print('o2recon: 1 of 1 objects failed: out of memory'); sys.exit(1)",
    "elsewhere": "import sys; print('o2recon: another process works on it'); sys.exit(75)",
    "terminated": "import sys; sys.exit(143)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "killed_once": "import os, pathlib; p = pathlib.Path('mark'); first = not p.exists(); p.touch(); "
    "first and os.kill(os.getpid(), 9)",
}


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A sweep of which every job runs the Python code that its only override is."""
    monkeypatch.chdir(tmp_path)
    journal = Journal(tmp_path / "sweep")
    jobs = [Planned((code,), "quick", "none", "room", "1", "chair", "0", "new", "") for code in ENDS.values()]
    journal.begin("run", jobs, every_job=[], attempts=2)
    real = child._attempted
    monkeypatch.setattr(child, "_attempted", lambda command, *rest: real([sys.executable, "-c", command[4]], *rest))
    return journal


@pytest.mark.parametrize(
    ("end", "state", "attempt", "reason"),
    [
        ("ok", "ok", 1, ""),
        ("failed", "failed", 1, "1 of 1 objects failed: out of memory"),
        ("elsewhere", "elsewhere", 1, "another process works on it"),
        ("terminated", "killed", 2, "killed by SIGTERM"),
        ("killed", "killed", 2, "killed by SIGKILL: probably out of memory"),
        ("killed_once", "ok", 2, ""),
    ],
)
def test_a_job_never_raises_and_says_how_it_ended(
    end: str, state: str, attempt: int, reason: str, journal: Journal
) -> None:
    number = list(ENDS).index(end)
    config: Any = OmegaConf.create({"job": number})
    assert SweepJob(str(journal.folder))(config) == state
    record = journal.records()[number]
    assert (record.state, record.attempt) == (state, attempt) and record.reason.startswith(reason)
    assert record.ended is not None and record.ended >= record.started


def test_the_last_complaint_of_the_log_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text("o2recon: first\nsomething\no2recon: last\n")
    assert outcome(2, log) == ("failed", "last")
    log.write_text("nothing to see")
    assert outcome(3, log) == ("failed", "exit status 3")
    assert "SIGTERM" in outcome(-signal.SIGTERM, log)[1]


def test_a_job_ends_when_the_process_that_started_it_is_gone() -> None:
    import subprocess

    code = "import time; from o2recon.cli.child import end_with_parent; end_with_parent(); time.sleep(60)"
    job = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=os.environ | {child.CHILD: "1"})
    assert job.stdin is not None
    job.stdin.close()  # what the system does for a killed process
    assert job.wait(30) == child.INTERRUPTED


def test_a_terminated_training_is_not_taken_for_a_finished_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    def terminated(*_: object) -> None:
        raise SIGTERMException

    monkeypatch.setattr("o2recon.cli.launch.launch", terminated)
    assert status_of(["run", "scene.root=here"]) == 143
    assert "continues from where it was" in capsys.readouterr().err


WORKER = "import sys; from omegaconf import OmegaConf; from o2recon.cli.child import SweepJob; "
WORKER += "print(SweepJob(sys.argv[1])(OmegaConf.create({'job': 0})))"


@pytest.mark.slow
def test_a_job_goes_on_from_its_checkpoint_when_the_launchers_worker_was_killed(
    tiny_room: Path, tmp_path: Path
) -> None:
    """What Ray does: it hands the job of a worker that died to another one."""
    import subprocess
    import time

    places = (f"scene.root={tiny_room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}")
    steps = ("train.num_steps=300", "train.steps_per_block=10", "train.checkpoint_every=20", "train.log_every=10")
    overrides = (
        "experiment=smoke",
        "object=1",
        "device=cpu",
        "baselines=[]",
        "train.validate_every=300",
        *steps,
        *places,
    )
    journal = Journal(tmp_path / "sweep")
    planned = Planned(overrides, "smoke", "none", "tiny", "1", "chair", "0", "new", "")
    journal.begin("run", [planned], every_job=["sweep.job=true", "reports=false"], attempts=2)
    command = [sys.executable, "-c", WORKER, str(journal.folder)]
    out = tmp_path / "outputs/main/smoke/none/tiny/1/seed_0"
    worker = subprocess.Popen(command)
    while not (out / "checkpoints/last.ckpt").is_file():
        assert worker.poll() is None
        time.sleep(0.1)
    worker.kill()
    worker.wait()
    job = journal.records()[0].pid
    for _ in range(100):  # the job itself ends with it
        if not Path(f"/proc/{job}/cmdline").is_file() or not Path(f"/proc/{job}/cmdline").read_bytes():
            break
        time.sleep(0.1)
    else:
        raise AssertionError(f"process {job} goes on")
    assert not (out / "result.json").is_file() and journal.records()[0].state == "running"
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "ok" and journal.records()[0].state == "ok"
    assert "training continues from step" in journal.log(0).read_text()
