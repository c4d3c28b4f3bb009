import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import o2recon.conf
from o2recon.cli.launchers import job_ids, launcher_of
from o2recon.cli.main import status_of
from o2recon.cli.planning import combinations, planned

SMOKE = ["experiment=smoke", "device=cpu"]


def test_every_combination_comes_once_and_the_last_key_varies_fastest() -> None:
    found = combinations(["scene.root=a", "object=1,2", "seed=range(0,2)"])
    told = [(c["object"], c["seed"]) for c in found]
    assert told == [("object=1", "seed=0"), ("object=1", "seed=1"), ("object=2", "seed=0"), ("object=2", "seed=1")]


def test_a_sweep_has_one_job_per_object_of_every_scene(tiny_room: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_room, tmp_path / "second")
    places = [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    plan = planned("run", [*SMOKE, f"scene.root={tiny_room},{tmp_path / 'second'}", "ablation=none,no_depth", *places])
    assert [(j.scene, j.ablation, j.object) for j in plan.jobs] == [
        (scene, ablation, number)
        for scene in ("tiny", "second")
        for ablation in ("none", "no_depth")
        for number in ("1", "2")
    ]
    assert all(f"object={j.object}" in j.overrides and j.state == "new" for j in plan.jobs)


def test_a_plan_of_chosen_objects_loads_neither_torch_nor_what_reads_meshes(tiny_room: Path, tmp_path: Path) -> None:
    places = [f"scene.root={tiny_room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    assert len(planned("run", [*SMOKE, *places]).jobs) == 2  # chooses the objects, which takes more
    asked = "import sys; from o2recon.cli.main import main\ntry: main(['status', '-m', *sys.argv[1:]])\n"
    asked += "finally: print([m for m in ('torch', 'trimesh', 'numba') if m in sys.modules])"
    command = [sys.executable, "-c", asked, *SMOKE, *places, "ablation=none,no_depth"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[-2].startswith("4 jobs: 4 new") and told[-1] == "[]"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mesh.spacing_m=0.01,0.02", "would write the same folder"),
        ("seed=interval(0,1)", "a sweep needs a list of values"),
        ("object=7", "object 7 is not in tiny"),
    ],
)
def test_a_sweep_that_cannot_work_is_refused_before_it_starts(
    override: str, message: str, tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    assert status_of(["run", "-m", *SMOKE, f"scene.root={tiny_room}", override, *places]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "outputs").exists()


def test_a_launcher_whose_plugin_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("o2recon.cli.launchers.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'o2recon\[slurm\]'"):
        launcher_of(["hydra/launcher=submitit_slurm"])


def test_ray_shares_the_machine_among_its_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("o2recon.cli.launchers.find_spec", lambda name: True)
    monkeypatch.setattr("o2recon.cli.launchers._num_gpus", lambda: 0)
    init, remote = "hydra.launcher.ray.init", "hydra.launcher.ray.remote"
    given = ["hydra/launcher=ray", f"{init}.num_cpus=8", f"{init}.num_gpus=2", f"{remote}.num_gpus=0.5"]
    assert launcher_of(given).arguments(100)[-1] == f"{remote}.num_cpus=2"  # four jobs at once
    # 0.4 of a GPU: two jobs fit on each, and a fifth could not have the two rests
    assert f"{remote}.num_cpus=2" in launcher_of([*given[:3], f"{remote}.num_gpus=0.4"]).arguments(100)
    assert f"{remote}.num_gpus=0" in launcher_of(given[:2]).arguments(100)
    with pytest.raises(ValueError, match="no job could ever start"):
        launcher_of([*given[:2], f"{remote}.num_gpus=1"]).arguments(100)


def test_a_node_without_gpu_plans_for_those_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("o2recon.cli.launchers.find_spec", lambda name: True)
    monkeypatch.setattr("o2recon.cli.launchers._num_gpus", lambda: 0)
    slurm = ["hydra/launcher=submitit_slurm"]
    assert launcher_of(slurm).with_experiment("run", ["seed=1"])[0] == "experiment=fast"
    assert launcher_of(slurm).with_experiment("run", ["experiment=quick"]) == ["experiment=quick"]
    assert launcher_of([*slurm, "hydra.launcher.gpus_per_node=null"]).with_experiment("run", []) == []
    assert launcher_of([]).with_experiment("run", []) == []


def test_the_folder_of_an_array_is_no_job() -> None:
    assert job_ids(["7", "7_0", "7_1", "9", "notes"]) == ["7_0", "7_1", "9"]


@pytest.mark.parametrize(
    ("name", "plugin", "key", "value"),
    [
        ("ray", "hydra_ray_launcher", "ray.remote.num_gpus", 1),
        ("submitit_slurm", "hydra_submitit_launcher", "gpus_per_node", 1),
        ("submitit_local", "hydra_submitit_launcher", "stderr_to_stdout", True),
    ],
)
def test_settings_of_a_launcher_are_keys_that_its_plugin_knows(name: str, plugin: str, key: str, value: object) -> None:
    pytest.importorskip(f"hydra_plugins.{plugin}")
    given = launcher_of([f"hydra/launcher={name}"]).arguments(6)
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("sweep", [*given, "job=0", "hydra.sweep.dir=x"], return_hydra_config=True)
    launcher = config.hydra.launcher
    own = OmegaConf.load(Path(o2recon.conf.__path__[0]) / "hydra" / "launcher" / f"o2recon_{name}.yaml")
    assert OmegaConf.select(own, key) == value and "_target_" in launcher
