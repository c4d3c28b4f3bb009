"""Two processes with the same runs: they share them, and none of it is a failure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.files import PARTIAL
from o2recon.sweep import Journal, exclusive, new_sweep


def test_runs_that_other_processes_have_are_neither_started_nor_failures(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "-m", "experiment=smoke", f"scene.root={tiny_room}", "object=1", "device=cpu"]
    command += [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    with exclusive(tmp_path / "outputs" / "main" / "smoke" / "none" / "tiny" / "1" / "seed_0", wait=False):
        assert status_of(command) == 0
    told = capsys.readouterr().out
    assert "1 jobs: 1 running; 0 to run" in told
    assert "1 of 1 jobs are worked on by other processes: tiny 1 (chair) smoke/none seed 0" in told


def test_sweeps_that_start_at_once_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "2026-01-01_00-00-00")  # the same process ids on two machines
    assert len({new_sweep(tmp_path).folder for _ in range(3)}) == 3


@pytest.mark.slow
def test_two_identical_sweeps_at_once_share_the_jobs_and_neither_fails(tiny_room: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "o2recon",
        "run",
        "-m",
        "experiment=smoke",
        f"scene.root={tiny_room}",
        "device=cpu",
    ]
    command += ["object=1,2", "seed=0,1", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    both = [subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    study = tmp_path / "outputs" / "main"
    results = [json.loads(file.read_text()) for file in study.glob("smoke/none/tiny/*/seed_*/result.json")]
    assert len(results) == 4 and all(result["status"] == "ok" for result in results)
    sweeps = [Journal(folder) for folder in (study / "sweep").iterdir()]
    states = [record.state for sweep in sweeps for record in sweep.records().values()]
    assert len(sweeps) == 2 and set(states) == {"ok", "elsewhere"}
    assert sum("worked on by other processes" in text for text in told) >= 1
    assert not list(tmp_path.rglob(f"*{PARTIAL}*"))
    done = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    assert "4 jobs: 4 ok; 0 to run" in done
