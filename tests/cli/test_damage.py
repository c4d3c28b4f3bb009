"""Files of a finished run that somebody cut, changed or deleted: noticed by every command, and made again."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from o2recon.cli.main import status_of
from o2recon.cli.planning import planned
from o2recon.cli.prepare import Preparation
from o2recon.train import Fit

pytestmark = pytest.mark.usefixtures("few_samples")
LAST = "checkpoints/last.ckpt"
MADE = ("mesh.ply", "mesh.glb", "mesh_visible.ply")
WITHOUT_CLOCKS = ("seconds", "start_s", "versions")


@pytest.fixture
def own(smoke_study: Path, tmp_path: Path) -> Path:
    """A copy of a study with one finished run, to change."""
    return Path(shutil.copytree(smoke_study, tmp_path / "own"))


def typed(folder: Path, room: Path, *overrides: str) -> list[str]:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    return ["experiment=smoke", f"scene.root={room}", "object=1", "device=cpu", *places, *overrides]


def run(folder: Path, room: Path, *overrides: str, stage: str = "run") -> int:
    return status_of([stage, *typed(folder, room, "reports=false", *overrides)])


def out(folder: Path) -> Path:
    return folder / "outputs" / "main" / "smoke" / "none" / "tiny" / "1" / "seed_0"


def made(folder: Path) -> dict[str, Any]:
    """What a run leaves, without clocks."""
    result = json.loads((out(folder) / "result.json").read_text())
    rows = (out(folder) / "metrics.csv").read_text().splitlines()
    curves = [row.split(",") for row in rows]
    clock = curves[0].index("seconds")
    curves = [row[:clock] + row[clock + 1 :] for row in curves]
    meshes = {name: (out(folder) / name).read_bytes() for name in MADE}
    return meshes | {"curves": curves, **{k: v for k, v in result.items() if k not in WITHOUT_CLOCKS}}


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_torn_checkpoint_of_a_finished_training_is_made_again(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = made(own)
    (out(own) / "result.json").unlink()
    os.truncate(out(own) / LAST, 1000)
    assert run(own, tiny_room, "baselines=[]") == 0
    assert "last.ckpt was changed: training goes on" in capsys.readouterr().err
    assert made(own) == expected


@pytest.mark.slow
def test_a_torn_or_changed_checkpoint_costs_one_interval_and_no_other_result(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = ("baselines=[]", "train.num_steps=6", "train.checkpoint_every=2")
    assert run(own, tiny_room, *longer) == 0
    expected = made(own)
    (out(own) / "result.json").unlink()
    os.truncate(out(own) / LAST, 1000)
    capsys.readouterr()
    assert run(own, tiny_room, *longer) == 0
    told = capsys.readouterr().err
    assert "last.ckpt was changed" in told and "training continues from step 4 of 6" in told
    assert made(own) == expected
    flip(out(own) / LAST)  # can be read all the same, and result.json is there
    assert run(own, tiny_room, *longer) == 0
    assert "training continues from step 4 of 6" in capsys.readouterr().err
    assert made(own) == expected
    for name in (LAST, "checkpoints/previous.ckpt"):
        os.truncate(out(own) / name, 1000)
    assert run(own, tiny_room, *longer) == 0
    assert "training continues" not in capsys.readouterr().err and made(own) == expected


@pytest.mark.parametrize(
    "name", ["mesh.ply", *(pytest.param(f, marks=pytest.mark.slow) for f in ("mesh_visible.ply", "renders/clay_0.png"))]
)
def test_a_damaged_mesh_is_noticed_and_made_again_without_training(
    name: str, own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, file = made(own), out(own) / name
    whole = file.read_bytes()
    os.truncate(file, 100)
    assert status_of(["status", *typed(own, tiny_room)[4:]]) == 0
    assert f"{name} was changed: it is made again" in capsys.readouterr().out
    assert status_of(["status", "-m", *typed(own, tiny_room)]) == 0
    assert "1 jobs: 1 stale; 1 to run" in capsys.readouterr().out
    monkeypatch.setattr(Fit, "__call__", _never)
    assert run(own, tiny_room) == 0
    assert f"{name} was changed in {out(own)}: it is made again" in capsys.readouterr().err
    assert made(own) == expected and file.read_bytes() == whole
    assert status_of(["status", "-m", *typed(own, tiny_room)]) == 0
    assert "1 jobs: 1 ok; 0 to run" in capsys.readouterr().out


def test_files_that_were_only_touched_or_cleaned_do_not_make_a_run_stale(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fit, "__call__", _never)
    for file in own.rglob("*"):
        if file.is_file():
            file.touch()
    shutil.rmtree(out(own) / "checkpoints")
    before = made(own)
    assert run(own, tiny_room) == 0
    assert "is up to date" in capsys.readouterr().err and made(own) == before


def test_the_mesh_of_another_object_costs_only_itself(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = out(own).parents[1] / "2" / "seed_0"
    shutil.copytree(out(own), other)
    os.truncate(other / "mesh.ply", 2000)
    assert status_of(["run", *typed(own, tiny_room, "reports=true")]) == 0
    told = capsys.readouterr()
    assert "scene.glb is written without one object" in told.err and "'o2recon run' with the same options" in told.err
    assert f"the page shows no mesh: {other / 'mesh.ply'} is damaged" in told.err
    assert "report: " in told.out
    assert (out(own).parents[1] / "scene.glb").is_file()


def test_a_result_that_is_none_of_ours_stops_no_other_object(own: Path, tiny_room: Path) -> None:
    for number, content in enumerate((b"\xff\xfe", b'{"status": "ok"}', b"{}"), start=2):
        other = Path(shutil.copytree(out(own), out(own).parents[1] / str(number) / "seed_0"))
        (other / "result.json").write_bytes(content)
    assert run(own, tiny_room) == 0


def test_a_failure_says_with_which_options_it_was(own: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Preparation, "_build", _broken)
        assert run(own, tiny_room, "volume.max_voxels=39000") == 1
    (job,) = planned("run", typed(own, tiny_room)).jobs
    assert (job.state, job.note) == ("stale", "volume.max_voxels: 39000 -> 40000")


def test_prepared_files_behind_a_finished_run_are_made_again(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fit, "__call__", _never)
    file = next(f for f in (own / "work" / "tiny" / "objects" / "1" / "cues").glob("*/*") if f.parent.name != "cache")
    whole, before = file.read_bytes(), made(own)
    file.write_bytes(whole + b"x")
    assert run(own, tiny_room, stage="evaluate") == 0 and made(own) == before  # it makes none, and needs none
    assert run(own, tiny_room) == 0
    assert f"{file} was changed since 'cues' wrote it" in capsys.readouterr().err
    assert file.read_bytes() == whole and made(own) == before
    monkeypatch.setattr(Preparation, "_build", _broken)
    file.write_bytes(whole + b"x")
    assert run(own, tiny_room) == 0 and made(own) == before  # what is finished stays so
    assert "object 1 (chair): not prepared again: RuntimeError: a stage broke" in capsys.readouterr().err


def test_single_stages_refuse_files_that_are_damaged_or_gone(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(out(own) / "mesh.ply", 1000)
    assert run(own, tiny_room, stage="evaluate") == 2
    assert f"{out(own) / 'mesh.ply'} was changed: run 'o2recon mesh'" in capsys.readouterr().err
    os.truncate(out(own) / LAST, 1000)
    assert run(own, tiny_room, stage="mesh") == 2
    assert "last.ckpt was changed: run 'o2recon train'" in capsys.readouterr().err
    (out(own) / LAST).unlink()
    assert run(own, tiny_room, "mesh.spacing_m=0.05", stage="mesh") == 2
    assert "last.ckpt is gone: run 'o2recon train'" in capsys.readouterr().err


def _broken(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("a stage broke")


def _never(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("training ran again")
