"""What `make` targets would run for lists of scenes, objects, ablations, seeds, and for launchers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def would_run(*arguments: str) -> str:
    """The last command, its continued lines joined."""
    root = Path(__file__).parents[1]
    alone = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}  # of `make test`
    command = ["make", "-n", "--no-print-directory", *arguments]
    told = subprocess.run(command, cwd=root, env=alone, check=True, capture_output=True, text=True).stdout
    return " ".join(told.replace("\\\n", " ").splitlines()[-1].split())


@pytest.mark.parametrize("scans", ["SCENES=/a/room /b/hall", "SCENE=/a/room /b/hall", "SCANS=/a/room,/b/hall"])
def test_lists_become_the_axes_of_a_sweep(scans: str) -> None:
    command = would_run("sweep", scans, "OBJECTS=1,2", "ABLATIONS=none no_normal", "SEEDS=0 1", "EXPERIMENT=fast")
    axes = ["scene.root=/a/room,/b/hall", "object=1,2", "ablation=none,no_normal", "seed=0,1", "experiment=fast"]
    assert all(f" {axis}" in command for axis in axes) and " run -m " in command


@pytest.mark.parametrize("target", ["sweep", "paper", "benchmark", "ablations"])
def test_every_study_knows_the_launchers(target: str) -> None:
    ray = would_run(target, "SCENES=/a/room", "LAUNCHER=ray", "GPUS=4")
    assert "hydra/launcher=ray hydra.launcher.ray.init.num_gpus=4" in ray
    slurm = would_run(target, "SCENES=/a/room", "LAUNCHER=submitit_slurm", "GPUS=4", "OBJECTS=1 2", "SEEDS=3 4")
    assert "hydra/launcher=submitit_slurm hydra.launcher.array_parallelism=4" in slurm
    assert ("object=1,2" in slurm and "seed=3,4" in slurm) or "--objects 1,2 --seeds 3,4" in slurm
    assert "launcher" not in would_run(target, "SCENES=/a/room")


@pytest.mark.parametrize("target", ["paper", "benchmark", "ablations"])
def test_what_a_named_study_runs_stands_in_its_file_and_what_is_said_wins(target: str) -> None:
    alone = would_run(target, "SCENES=/a/room")
    assert f"sweep.file=experiments/{target}" in alone or f"experiments/{target}/run.py" in alone
    assert not any(word in alone for word in ("seed", "ablation=", "experiment=", "study", "object"))
    said = would_run(target, "SCENES=/a/room", "SEEDS=3 4", "EXPERIMENT=fast", "STUDY=mine", "ABLATIONS=none")
    options = ("--seeds 3,4", "--experiment fast", "--study mine", "--ablations none")
    axes = ("seed=3,4", "experiment=fast", "study=mine", "ablation=none")
    assert all(words in said for words in (options if target == "ablations" else axes))


@pytest.mark.parametrize("study", ["experiments/paper", "experiments/paper/sweep.yaml", "./mine.yaml"])
def test_a_sweep_can_be_that_of_a_study(study: str) -> None:
    assert would_run("sweep", "SCENES=/a/room", f"STUDY={study}").endswith(f"-m sweep.file={study} scene.root=/a/room")
    assert would_run("sweep", "SCENES=/a/room", "STUDY=mine").endswith("-m scene.root=/a/room study=mine")
    for place in ("paper", "experiments/paper/", "experiments/paper/sweep.yaml"):
        assert would_run("report", f"STUDY={place}").endswith("o2recon report study=paper")


def test_a_report_can_be_of_some_runs() -> None:
    assert would_run("report").endswith("o2recon report study=main")
    some = would_run("report", "STUDY=paper", "SCENES=/a/room", "OBJECTS=1 2", "ABLATIONS=none", "SEEDS=0")
    assert some.endswith("study=paper 'report.only={scene:[room],object:[1,2],ablation:[none],seed:[0]}'")


@pytest.mark.parametrize("target", ["sweep", "paper", "benchmark", "ablations"])
def test_scans_must_be_named(target: str, tmp_path: Path) -> None:
    for name in ("bin/python", ".run"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    command = ["make", target, f"VENV={tmp_path}"]
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "name the scans: make" in ran.stdout


def test_a_path_with_spaces_is_refused_with_the_remedy(tmp_path: Path) -> None:
    for name in ("bin/python", ".run", "my scans/room"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    command = ["make", "sweep", f"VENV={tmp_path}", f"SCENES={tmp_path / 'my scans/room'}"]
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and f"there is no {tmp_path / 'my'}: " in ran.stdout and "use a link" in ran.stdout


def test_the_audit_is_of_what_is_installed() -> None:
    assert would_run("audit").endswith("bin/python .ci/audit.py")
