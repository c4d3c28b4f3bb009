"""A sweep on Ray with two made-up GPUs: one job's process is killed, another fails, and it is started again."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from o2recon.sweep import Record, latest_sweep

pytestmark = pytest.mark.slow
DEADLINE_S = 600.0
DEVICES = ("0", "1")
STEPS = ("num_steps=300", "steps_per_block=10", "checkpoint_every=20", "log_every=10", "validate_every=300")


def command(room: Path, folder: Path, *others: str) -> list[str]:
    own = ["experiment=smoke", "device=cpu", f"scene.root={room}", "object=1,2", "seed=0,1,2"]
    own += [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", *(f"train.{step}" for step in STEPS)]
    ray = ["hydra/launcher=ray", "hydra.launcher.ray.init.num_gpus=2"]
    return [sys.executable, "-m", "o2recon", "run", "-m", *own, *ray, *others]


def kill_in_training(process: "subprocess.Popen[str]", study: Path, run: Path) -> tuple[int, str]:
    """SIGKILL the job of `run` once it has a checkpoint; its number, and the device that its process was given."""
    end = time.time() + DEADLINE_S
    while not (run / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None and time.time() < end
        time.sleep(0.05)
    journal = latest_sweep(study)
    assert journal is not None
    number = next(
        i for i, job in enumerate(journal.jobs()) if (job.object, job.seed) == (run.parent.name, run.name[5:])
    )
    pid = journal.records()[number].pid
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    os.kill(pid, signal.SIGKILL)
    return number, next(v for v in environment if v.startswith("CUDA_VISIBLE_DEVICES=")).partition("=")[2]


def assert_one_at_a_time(records: dict[int, Record]) -> None:
    """No device has two jobs at once."""
    for device in DEVICES:
        ours = sorted((r for r in records.values() if r.device == device), key=lambda r: r.started)
        assert ours and all(a.ended is not None and a.ended <= b.started for a, b in pairwise(ours))


def test_a_killed_job_continues_a_failed_one_is_retried_when_asked_and_the_others_are_ok(
    tiny_room: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    study = tmp_path / "outputs" / "main"
    runs = study / "smoke" / "none" / "tiny"
    in_the_way = runs / "2" / "seed_1" / "mesh.ply" / "folder"
    in_the_way.mkdir(parents=True)
    with open(tmp_path / "told", "w+") as told:
        process = subprocess.Popen(command(tiny_room, tmp_path), text=True, stdout=told, stderr=subprocess.STDOUT)
        number, device = kill_in_training(process, study, runs / "1" / "seed_0")
        assert process.wait(DEADLINE_S) == 1
    journal = latest_sweep(study)
    assert journal is not None
    records, jobs = journal.records(), journal.jobs()
    failed = next(i for i, job in enumerate(jobs) if (job.object, job.seed) == ("2", "1"))
    assert {i: r.state for i, r in records.items()} == {i: "failed" if i == failed else "ok" for i in range(6)}
    assert records[number].attempt == 2 and records[number].device == device
    assert "training continues from step" in journal.log(number).read_text()
    assert "mesh.ply" in records[failed].reason
    assert json.loads((runs / "2" / "seed_1" / "result.json").read_text())["status"] == "failed"
    assert_one_at_a_time(records)
    lines = (tmp_path / "told").read_text().splitlines()
    assert "1 of 6 jobs failed: tiny 2 (" in lines[-1] and not any("authentication" in line for line in lines)

    again = subprocess.run(command(tiny_room, tmp_path), text=True, capture_output=True, check=False)
    assert again.returncode == 1 and "6 jobs: 5 ok, 1 failed; 0 to run" in again.stdout
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    retried = subprocess.run(command(tiny_room, tmp_path, "retry=failed"), text=True, capture_output=True, check=False)
    assert retried.returncode == 0 and "5 ok, 1 failed; 1 to run" in retried.stdout
    last = latest_sweep(study)
    assert last is not None and [(j.object, j.seed) for j in last.jobs()] == [("2", "1")]
    assert [r.state for r in last.records().values()] == ["ok"]
    assert len(list((study / "sweep").iterdir())) == 2
