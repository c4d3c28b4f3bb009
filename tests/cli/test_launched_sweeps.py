"""A sweep on two made-up GPUs, by Ray and by the SLURM that is here: one job's process is killed, another fails, SLURM
cancels one that waits, and the sweep is started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from o2recon.cli.launchers import SUBMITTED, job_ids
from o2recon.sweep import Journal, Record, latest_sweep

pytestmark = pytest.mark.slow
DEADLINE_S = 900.0
KILLED, FAILED, CANCELLED = ("1", "0"), ("2", "1"), ("2", "2")
"""Object and seed."""
STEPS = ("num_steps=120", "steps_per_block=10", "checkpoint_every=20", "log_every=10", "validate_every=120")
OPTIONS = {
    "ray": ["ray.init.num_gpus=2"],
    "submitit_slurm": ["gpus_per_node=1", "cpus_per_task=1", "mem_gb=1"],
}


@pytest.fixture(params=OPTIONS)
def launcher(request: pytest.FixtureRequest) -> str:
    """Its name, where it works."""
    name: str = request.param
    if name == "ray":
        pytest.importorskip("ray")
        pytest.importorskip("hydra_plugins.hydra_ray_launcher")
        return name
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    if shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True, check=False).returncode:
        pytest.skip("no SLURM answers here")
    return name


def command(launcher: str, room: Path, folder: Path, *others: str) -> list[str]:
    own = ["experiment=smoke", "device=cpu", f"scene.root={room}", "object=1,2", "seed=0,1,2"]
    own += [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", *(f"train.{step}" for step in STEPS)]
    hydra = [f"hydra/launcher={launcher}", *(f"hydra.launcher.{option}" for option in OPTIONS[launcher])]
    return [sys.executable, "-m", "o2recon", "run", "-m", *own, *hydra, *others]


def number_of(journal: Journal, run: tuple[str, str]) -> int:
    return [(job.object, job.seed) for job in journal.jobs()].index(run)


def kill_in_training(process: "subprocess.Popen[bytes]", study: Path) -> str:
    """SIGKILL the job KILLED once it has a checkpoint; the device that its process was given."""
    end = time.time() + DEADLINE_S
    folder = study / "smoke" / "none" / "tiny" / KILLED[0] / f"seed_{KILLED[1]}"
    while not (folder / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None and time.time() < end
        time.sleep(0.05)
    journal = latest_sweep(study)
    assert journal is not None
    pid = journal.records()[number_of(journal, KILLED)].pid
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    os.kill(pid, signal.SIGKILL)
    return next(v for v in environment if v.startswith("CUDA_VISIBLE_DEVICES=")).partition("=")[2]


def cancel_a_waiting_job(study: Path) -> None:
    journal = latest_sweep(study)
    assert journal is not None
    jobs = job_ids([file.name for file in (journal.folder / SUBMITTED).iterdir()])
    subprocess.run(["scancel", f"{jobs[0].partition('_')[0]}_{number_of(journal, CANCELLED)}"], check=True)


def assert_one_at_a_time(records: dict[int, Record]) -> None:
    """No device has two jobs at once, and both have some."""
    for device in ("0", "1"):
        ours = sorted((r for r in records.values() if r.device == device), key=lambda r: r.started)
        assert ours and all(a.ended is not None and a.ended <= b.started for a, b in pairwise(ours))


def run_again(launcher: str, room: Path, folder: Path, *others: str) -> tuple[int, str]:
    ran = subprocess.run(command(launcher, room, folder, *others), text=True, capture_output=True, check=False)
    return ran.returncode, ran.stdout


def test_a_killed_job_continues_a_failed_one_is_retried_when_asked_and_the_others_are_ok(
    launcher: str, tiny_room: Path, tmp_path: Path
) -> None:
    study = tmp_path / "outputs" / "main"
    failing = study / "smoke" / "none" / "tiny" / FAILED[0] / f"seed_{FAILED[1]}"
    in_the_way = failing / "mesh.ply" / "folder"
    in_the_way.mkdir(parents=True)
    with open(tmp_path / "told", "w") as told:
        process = subprocess.Popen(command(launcher, tiny_room, tmp_path), stdout=told, stderr=subprocess.STDOUT)
        device = kill_in_training(process, study)
        if launcher == "submitit_slurm":
            cancel_a_waiting_job(study)
        assert process.wait(DEADLINE_S) == 1
    journal = latest_sweep(study)
    assert journal is not None
    records, killed, failed = journal.records(), number_of(journal, KILLED), number_of(journal, FAILED)
    expected = dict.fromkeys(range(6), "ok") | {failed: "failed"}
    if launcher == "submitit_slurm":
        expected[number_of(journal, CANCELLED)] = "killed"
    assert {i: record.state for i, record in records.items()} == expected
    assert (records[killed].attempt, records[killed].device) == (2, device)
    assert "training continues from step" in journal.log(killed).read_text()
    assert "mesh.ply" in records[failed].reason
    assert json.loads((failing / "result.json").read_text())["status"] == "failed"
    assert_one_at_a_time({i: record for i, record in records.items() if record.state in ("ok", "failed")})
    lines = (tmp_path / "told").read_text().splitlines()
    assert "of 6 jobs failed: " in lines[-1] and not any("authentication" in line.lower() for line in lines)

    status, told_again = run_again(launcher, tiny_room, tmp_path)  # what was cancelled, and nothing else
    open_ones = list(expected.values()).count("killed")
    assert status == 1 and f"1 failed{', 1 new' if open_ones else ''}; {open_ones} to run" in told_again
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    status, told_again = run_again(launcher, tiny_room, tmp_path, "retry=failed")
    assert status == 0 and "6 jobs: 5 ok, 1 failed; 1 to run" in " ".join(
        told_again.replace(", about", " about").split()
    )
    last = latest_sweep(study)
    assert last is not None and [(job.object, job.seed) for job in last.jobs()] == [FAILED]
    assert [record.state for record in last.records().values()] == ["ok"]
