"""Baselines through the commands, on the tiny room."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from o2recon.baselines import Tsdf
from o2recon.cli.companions import companions
from o2recon.cli.job import Job
from o2recon.cli.main import status_of

pytestmark = pytest.mark.usefixtures("few_samples")
SMALL = ("volume.max_voxels=40000", "objects.views.min_views=6", "mesh.render_size=48", "mesh.azimuths=[0]")


def run(folder: Path, room: Path, *overrides: str, stage: str = "run", experiment: str = "tsdf") -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", f"scene.root={room}"]
    small = [*SMALL, "baseline.min_spacing=0.02"] if experiment == "tsdf" else []
    return status_of([stage, f"experiment={experiment}", "object=1", "device=cpu", *places, *small, *overrides])


def out(folder: Path, experiment: str = "tsdf") -> Path:
    return folder / "outputs" / "main" / experiment / "none" / "tiny" / "1" / "seed_0"


def result(folder: Path, experiment: str = "tsdf") -> dict[str, Any]:
    return dict(json.loads((out(folder, experiment) / "result.json").read_text()))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path, few_samples: None) -> Path:
    folder = tmp_path_factory.mktemp("baseline")
    assert run(folder, tiny_room) == 0
    return folder


@pytest.fixture
def own(study: Path, tmp_path: Path) -> Path:
    shutil.copytree(study, tmp_path / "own")
    return tmp_path / "own"


def test_a_baseline_writes_the_same_files_and_its_own_times(study: Path) -> None:
    content = result(study)
    assert content["status"] == "ok" and content["experiment"] == "tsdf"
    assert set(content["seconds"]) == {"objects", "baseline", "mesh", "evaluate"}
    assert content["steps"] is None and content["encoding"] is None and content["inpainter"] is None
    assert content["mesh"]["watertight"] is False and content["metrics"]["complete"]["iou"] == 0
    assert content["verdict"]["grade"] == "poor" and "not closed" in content["verdict"]["reason"]
    assert content["evidence"]["seen"] > 0.8
    for name in ("config.yaml", "mesh.ply", "mesh.glb", "mesh_visible.ply", "renders/color_0.png"):
        assert (out(study) / name).is_file(), name
    assert (out(study).parents[1] / "scene.glb").is_file()
    assert not (out(study) / "checkpoints").exists()


def test_it_runs_again_for_its_own_options_only(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = result(own)["fingerprint"]
    with monkeypatch.context() as patch:
        patch.setattr(Tsdf, "__call__", _never)
        assert run(own, tiny_room, "loss.prior.weight=1", "train.num_steps=7") == 0
    assert result(own)["fingerprint"] == before
    assert run(own, tiny_room, "baseline.truncation=0.05") == 0
    assert "baseline.truncation: 0.03 -> 0.05" in capsys.readouterr().err
    assert result(own)["fingerprint"] != before


def test_stages_can_be_run_one_by_one(own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(own / "outputs")
    assert run(own, tiny_room, stage="evaluate") == 2
    assert "run 'o2recon mesh'" in capsys.readouterr().err
    assert run(own, tiny_room, stage="train") == 0
    assert "nothing to train" in capsys.readouterr().err
    assert run(own, tiny_room, stage="mesh") == 0
    assert run(own, tiny_room, stage="evaluate") == 0
    assert result(own)["status"] == "ok"


def test_baselines_run_beside_an_experiment_and_their_failure_is_a_result_only(
    own: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Tsdf, "__call__", _failing)
    assert run(own, tiny_room, "baselines=tsdf,hull", "study=main", experiment="smoke") == 0
    assert result(own, "smoke")["status"] == "ok" and result(own, "hull")["mesh"]["watertight"]
    failed = result(own, "tsdf")
    assert failed["status"] == "failed" and failed["metrics"]["complete"]["f_score_5cm"] == 0
    told = capsys.readouterr().err
    assert "baseline tsdf failed: 1 (chair): too little depth" in told


def test_a_name_that_is_no_baseline_is_bad_input(
    tmp_path: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, tiny_room, "baselines=[tsdf,mesh]") == 2
    assert "baselines=mesh is no baseline: choose among hull, tsdf, tsdf_closed" in capsys.readouterr().err
    assert not list(tmp_path.glob("outputs/**/result.json"))


def test_beside_an_experiment_a_baseline_is_what_it_is_alone() -> None:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=run", "baselines=[hull,tsdf_closed]"])
        alone = [compose("config", overrides=["stage=run", f"experiment={e}"]) for e in ("hull", "tsdf_closed")]
    job = Job(config=config, experiment="quick", ablation="none", room="default")
    beside = companions(job)
    assert [b.experiment for b in beside] == ["hull", "tsdf_closed"]
    for one, other in zip(beside, alone, strict=True):
        assert _without_names(one.config) == _without_names(other)
    assert not config.baseline
    assert not companions(Job(config=config, experiment="quick", ablation="no_normal", room="default"))


def test_where_the_truth_is_known_the_quick_baselines_run_beside_ours_by_themselves(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(own, tiny_room, "baselines=auto", "study=main", "seed=3", experiment="smoke") == 0
    found = {f.relative_to(own / "outputs/main").parts[0] for f in own.glob("outputs/main/**/result.json")}
    assert found == {"smoke", "tsdf", "tsdf_closed", "hull"}
    assert (own / "outputs/main/hull/none/tiny/1/seed_0/result.json").is_file()


def test_without_truth_nothing_runs_beside_ours(own: Path, tiny_room: Path, tmp_path: Path) -> None:
    room = Path(
        shutil.copytree(tiny_room, tmp_path / "tiny", ignore=shutil.ignore_patterns("groundtruth", "*_vh_clean_2.ply"))
    )
    assert run(own, room, "baselines=auto", "study=alone", experiment="smoke") == 0
    assert [f.name for f in own.glob("outputs/alone/*") if f.name != "report"] == ["smoke"]


def test_beside_a_baseline_or_an_ablation_auto_adds_nothing() -> None:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        for experiment, ablation in (("hull", "none"), ("quick", "no_normal"), ("smooth_sdf", "none")):
            config = compose("config", overrides=["stage=run", f"experiment={experiment}"])
            assert not companions(Job(config=config, experiment="x", ablation=ablation, room="default"))
        config = compose("config", overrides=["stage=run", "seed=2"])
        beside = companions(Job(config=config, experiment="quick", ablation="none", room="default"))
    assert [(b.experiment, b.config.seed) for b in beside] == [("tsdf", 0), ("tsdf_closed", 0), ("hull", 0)]


def _without_names(config: Any) -> dict:
    content = OmegaConf.to_container(config)
    assert isinstance(content, dict)
    return {k: v for k, v in content.items() if k != "baselines"}


def _never(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("the baseline ran again")


def _failing(*args: Any, **kwargs: Any) -> None:
    raise ValueError("too little depth")
