"""The whole chain at its smallest: what it writes, when it runs again, and how it fails."""

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

import o2recon
from o2recon.cli.main import status_of
from o2recon.masks import painted_file
from o2recon.train import Fit
from o2recon.workspace import ObjectFolder, write_image

pytestmark = pytest.mark.usefixtures("few_samples")
SCHEMA = {
    *("status", "error", "scene", "object", "category", "experiment", "ablation", "seed", "seconds", "steps", "device"),
    *("encoding", "inpainter", "semantic", "fingerprint", "versions", "metrics", "evidence", "mesh", "groundtruth"),
    *("verdict", "sample_share"),
}


@pytest.fixture(scope="module")
def study(smoke_study: Path) -> Path:
    return smoke_study


@pytest.fixture
def own(study: Path, tmp_path: Path) -> Path:
    """A copy of that folder to change."""
    shutil.copytree(study, tmp_path / "own")
    return tmp_path / "own"


def run(folder: Path, room: Path, *overrides: str, stage: str = "run") -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    return status_of([stage, "experiment=smoke", f"scene.root={room}", "object=1", "device=cpu", *places, *overrides])


def out(folder: Path, ablation: str = "none", number: int = 1) -> Path:
    return folder / "outputs" / "main" / "smoke" / ablation / "tiny" / str(number) / "seed_0"


def result(folder: Path, ablation: str = "none", number: int = 1) -> dict[str, Any]:
    content = json.loads((out(folder, ablation, number) / "result.json").read_text())
    assert isinstance(content, dict)
    return content


def test_a_result_names_what_it_was_made_with_and_from(study: Path) -> None:
    found = result(study)
    assert all(found["versions"][name] for name in ("o2recon", "commit", "python", "torch", "numpy"))
    assert set(found["inputs"]) == {"prepared", "groundtruth"}
    for known in (found["fingerprint"], *found["inputs"].values()):
        assert re.fullmatch(r"[0-9a-f]{16}", known), known
    assert found["seed"] == 0 and found["sample_share"] == 1 and (out(study) / "config.yaml").is_file()


def test_a_run_writes_what_the_interface_promises(study: Path) -> None:
    names = ("config.yaml", "metrics.csv", "checkpoints/last.ckpt", "mesh.ply", "mesh.glb", "mesh_visible.ply")
    for name in names:
        assert (out(study) / name).is_file(), name
    assert list((out(study) / "renders").glob("*.png"))
    assert (out(study).parents[1] / "scene.glb").is_file()
    assert (study / "outputs" / "main" / "report" / "index.html").is_file()
    prepared = study / "work" / "tiny" / "objects" / "1"
    for name in ("object.json", "hull.npz", "manifest.json", "images", "depth", "masks/hidden", "inpainted/image"):
        assert (prepared / name).exists(), name


def test_the_result_has_every_key_and_a_closed_mesh(study: Path) -> None:
    content = result(study)
    assert set(content) >= SCHEMA
    assert content["status"] == "ok" and content["error"] is None and content["steps"] == 2
    assert set(content["seconds"]) == {"objects", "volume", "masks", "inpaint", "cues", "train", "mesh", "evaluate"}
    assert set(content["metrics"]) == {"visible", "complete", "hidden", "o2recon_protocol"}
    assert content["mesh"]["watertight"]
    assert trimesh.load(out(study) / "mesh.ply").is_watertight


def test_a_finished_run_is_skipped(study: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fit, "__call__", _never)
    before = (out(study) / "result.json").stat().st_mtime_ns
    assert run(study, tiny_room) == 0
    assert (out(study) / "result.json").stat().st_mtime_ns == before


def test_a_changed_option_says_so_and_runs_what_it_concerns(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fit, "__call__", _never)  # training is not concerned
    assert run(own, tiny_room, "mesh.spacing_m=0.05") == 0
    assert "mesh.spacing_m: 0.03 -> 0.05" in capsys.readouterr().err
    assert result(own)["mesh"]["faces"] < 20000


def test_a_painted_sketch_changes_the_masks_and_the_run_and_its_removal_goes_back(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = ObjectFolder(own / "work" / "tiny" / "objects" / "1")
    first, before = result(own)["inputs"]["prepared"], _claims(prepared)
    view = prepared.read_record().views[0]
    painted = np.zeros((view.camera.height, view.camera.width), bool)
    painted[40:80, 60:100] = True
    write_image(painted_file(prepared, view.index), painted)
    assert run(own, tiny_room) == 0
    assert "since this changed: painted sketches\n" in capsys.readouterr().err
    assert result(own)["inputs"]["prepared"] != first
    assert _claims(prepared) != before
    painted_file(prepared, view.index).unlink()
    assert run(own, tiny_room, stage="prepare") == 0
    assert _claims(prepared) == before


@pytest.mark.slow
def test_two_processes_make_the_same_files_and_the_same_run(
    own: Path, tiny_room: Path, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(own / "outputs")
    assert run(own, tiny_room, "trainer=ddp", "trainer.devices=2") == 0
    assert result(own)["fingerprint"] == result(study)["fingerprint"] and result(own)["device"] == "2 x cpu"
    files = [sorted(f.relative_to(out(folder)) for f in out(folder).rglob("*")) for folder in (own, study)]
    assert files[0] == files[1]
    rate = "optimizer@train.optimizer=paper"  # of a field that cannot be sent to another process
    assert run(own, tiny_room, "trainer=ddp", "trainer.devices=2", "field=paper", "study=paper", rate) == 0
    assert run(own, tiny_room, "trainer=ddp", "trainer.devices=auto") == 2
    assert "on the CPU give the number" in capsys.readouterr().err


@pytest.mark.parametrize("name", [pytest.param("1.ply", marks=pytest.mark.slow), "1_points.npz"])
def test_a_truth_that_cannot_be_read_is_bad_input_and_in_a_sweep_a_failed_result_until_it_is_mended(
    name: str, own: Path, tiny_room: Path, tmp_path: Path
) -> None:
    room = Path(shutil.copytree(tiny_room, tmp_path / "tiny"))
    file = room / "groundtruth" / name
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2])
    before = result(own)
    assert run(own, room, "baselines=[]") == 2 and result(own) == before
    assert run(own, room, "baselines=[]", "sweep.job=true") == 1
    assert result(own)["status"] == "failed" and file.name in result(own)["error"]
    assert result(own)["metrics"] is None and "\n" not in result(own)["error"]
    file.write_bytes(good)
    assert run(own, room, "baselines=[]") == 0 and result(own)["status"] == "ok"


def test_stages_can_be_run_one_by_one(own: Path, tiny_room: Path) -> None:
    shutil.rmtree(own / "outputs")
    for stage in ("prepare", "train", "mesh", "evaluate"):
        assert run(own, tiny_room, stage=stage) == 0
        assert (out(own) / "result.json").is_file() == (stage == "evaluate")
    assert result(own)["status"] == "ok"


def test_a_stage_without_the_one_before_says_what_to_run(
    tmp_path: Path, own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, tiny_room, stage="train") == 2
    assert "run 'o2recon prepare'" in capsys.readouterr().err
    shutil.rmtree(own / "outputs")
    assert run(own, tiny_room, stage="mesh") == 2
    assert "run 'o2recon train'" in capsys.readouterr().err
    assert run(own, tiny_room, "masks=sketch", stage="train") == 2
    assert "was prepared with other options or inputs (config.mode: auto -> sketch" in capsys.readouterr().err
    assert not list(own.glob("outputs/**/result.json"))


def test_a_deleted_mesh_is_made_again_without_training(own: Path, tiny_room: Path, capsys) -> None:
    (out(own) / "mesh.ply").unlink()
    trained = (out(own) / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    assert run(own, tiny_room, stage="evaluate") == 2
    assert "mesh.ply is gone: run 'o2recon mesh'" in capsys.readouterr().err
    assert run(own, tiny_room) == 0
    assert (out(own) / "mesh.ply").is_file() and result(own)["status"] == "ok"
    assert (out(own) / "checkpoints" / "last.ckpt").stat().st_mtime_ns == trained


def test_without_checkpoints_a_finished_run_is_scored_again_and_not_meshed_with_other_options(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [f"work={own / 'work'}", f"outputs={own / 'outputs'}"]
    assert status_of(["clean", "clean.what=[checkpoints]", "clean.delete=true", *places]) == 0
    before = result(own)
    capsys.readouterr()
    assert run(own, tiny_room, "mesh.spacing_m=0.05", stage="mesh") == 2
    told = capsys.readouterr().err
    assert "last.ckpt is gone: run 'o2recon train'" in told and "runs again" not in told
    assert result(own) == before
    assert run(own, tiny_room, "evaluate.thresholds_cm=[1,2,5]", stage="evaluate") == 0
    assert "evaluate.thresholds_cm" in capsys.readouterr().err
    assert result(own)["steps"] == before["steps"] and "f_score_10cm" not in result(own)["metrics"]["complete"]


@pytest.mark.slow
def test_a_changed_file_of_the_scan_is_why_a_run_is_done_again(
    own: Path, tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Path(shutil.copytree(tiny_room, tmp_path / "tiny"))
    os.utime(room / "depth" / "3.png")
    assert run(own, room, "baselines=[]", "reports=false") == 0
    assert "runs again, since this changed: files of the scan\n" in capsys.readouterr().err


def test_a_diverged_training_is_a_failed_result_and_is_retried_when_asked(
    own: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Fit, "__call__", _diverging)
        assert run(own, tiny_room, "seed=0", "train.log_every=2") == 1
    content = result(own)
    assert content["status"] == "failed" and content["error"].startswith("FloatingPointError: loss is nan")
    assert content["metrics"]["complete"]["f_score_5cm"] == 0 and content["metrics"]["complete"]["chamfer_cm"] is None
    assert "1 of 1 objects failed: 1 (chair)" in capsys.readouterr().err
    assert run(own, tiny_room, "train.log_every=2") == 1
    told = capsys.readouterr()
    assert "failed before, retry=failed" in told.out + told.err and "up to date" not in told.out + told.err
    assert run(own, tiny_room, "train.log_every=2", "retry=failed") == 0
    assert result(own)["status"] == "ok"


def test_a_full_disk_is_status_2_and_leaves_no_result(
    own: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Fit, "__call__", _full_disk)
    assert run(own, tiny_room, "train.num_steps=3") == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not (out(own) / "result.json").exists()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["object=9"], "object 9 is not in tiny"),
        (["object=[1,9]"], "object 9 is not in tiny"),
        (["objects.min_frames=99"], "lower objects.min_frames"),
        (["groundtruth=nowhere"], "groundtruth=nowhere is no folder"),
        (["device=cuda:77"], "GPUs here"),
        (["objects.min_mask_share=1.5"], "objects.min_mask_share is 1.5"),
    ],
)
def test_bad_input_is_status_2_and_leaves_no_result(
    overrides: list[str], expected: str, tmp_path: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, tiny_room, *overrides) == 2
    assert expected in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(tmp_path.glob("outputs/**/result.json"))


def test_a_sweep_runs_all_combinations(own: Path, tiny_room: Path) -> None:
    assert run(own, tiny_room, "-m", "ablation=none,no_normal") == 0
    assert result(own, "no_normal")["ablation"] == "no_normal"
    assert list((own / "outputs" / "main" / "sweep").glob("*/jobs/0.log"))


def test_python_gives_the_same_results(study: Path, tiny_room: Path) -> None:
    places = [f"work={study / 'work'}", f"outputs={study / 'outputs'}", "device=cpu"]
    results = o2recon.reconstruct(tiny_room, object=1, experiment="smoke", overrides=places)
    assert results == [result(study)]


@pytest.mark.parametrize(
    ("root", "override", "message"),
    [("/nowhere", "device=cpu", "/nowhere is no folder"), ("/nowhere", "mesh.sp=1", "no option 'mesh.sp'")],
)
def test_python_gives_the_same_line(root: str, override: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        o2recon.reconstruct(root, overrides=[override])
    assert "\n" not in str(raised.value)


def test_status_and_report_of_the_study(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [f"work={study / 'work'}", f"outputs={study / 'outputs'}"]
    assert status_of(["status", *places]) == 0
    assert "1 ok" in capsys.readouterr().out
    assert status_of(["report", *places]) == 0
    assert "index.html" in capsys.readouterr().out


def test_doctor_finds_torch(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["doctor"]) == 0
    assert "torch" in capsys.readouterr().out


def _claims(prepared: ObjectFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (prepared.path / "masks" / "claim").iterdir()}


def test_doctor_says_which_in_painting_networks_are_on_disk(
    tiny_inpainter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert status_of(["doctor"]) == 0
    assert "stable-diffusion-2-inpainting: not in" in capsys.readouterr().out
    shutil.copytree(tiny_inpainter, tmp_path / "models--owner--name" / "snapshots" / "abc")
    assert status_of(["doctor", f"inpaint.painter.diffusion.pipeline.model={tiny_inpainter}"]) == 0
    told = capsys.readouterr().out
    assert "in-painting network owner/name" in told and f"in-painting network {tiny_inpainter}" in told


def _never(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("training ran again")


def _diverging(*args: Any, **kwargs: Any) -> None:
    raise FloatingPointError("loss is nan at step 1")


def _full_disk(*args: Any, **kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
