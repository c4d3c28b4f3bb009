"""Prepared files that are not as their stage left them."""

import json
import shutil
from pathlib import Path

import pytest

from o2recon.cli.main import status_of


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    assert prepare(folder, tiny_room) == 0
    return folder


@pytest.fixture
def own(study: Path, tmp_path: Path) -> Path:
    shutil.copytree(study, tmp_path / "own")
    return tmp_path / "own"


def prepare(folder: Path, room: Path, stage: str = "prepare") -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    return status_of([stage, "experiment=smoke", f"scene.root={room}", "object=1", "device=cpu", *places])


def prepared(folder: Path) -> Path:
    return folder / "work" / "tiny" / "objects" / "1"


def contents(folder: Path) -> dict[str, bytes]:
    files = [f for f in folder.rglob("*") if f.suffix in (".png", ".jpg")]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}


@pytest.mark.parametrize("name", ["images/*.jpg", "masks/visible/*.png", "inpainted/depth/*.png"])
def test_a_changed_or_missing_file_makes_its_stage_run_again_and_says_so(
    name: str, own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(prepared(own))
    first, second, *_ = sorted(prepared(own).glob(name))
    data = bytearray(first.read_bytes())
    data[-20] ^= 1
    first.write_bytes(data)
    assert prepare(own, tiny_room) == 0
    assert f"{first} was changed since" in capsys.readouterr().err
    assert contents(prepared(own)) == before
    second.unlink()
    assert prepare(own, tiny_room) == 0
    assert f"{second} is gone since" in capsys.readouterr().err
    assert contents(prepared(own)) == before


def test_nothing_runs_again_while_all_files_are_as_they_were(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {f: f.stat().st_mtime_ns for f in prepared(own).rglob("*.png")}
    assert prepare(own, tiny_room) == 0
    assert "since" not in capsys.readouterr().err
    assert {f: f.stat().st_mtime_ns for f in prepared(own).rglob("*.png")} == times


def test_preparing_ends_with_where_the_data_are_and_what_comes_next(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(own, tiny_room) == 0
    where, following = capsys.readouterr().out.splitlines()[-2:]
    assert where == f"prepared data: {prepared(own)}" and "'o2recon run'" in following


def test_training_refuses_prepared_files_that_somebody_changed(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next((prepared(own) / "inpainted" / "image").glob("*.jpg"))
    file.write_bytes(file.read_bytes()[:100])
    assert prepare(own, tiny_room, stage="train") == 2
    error = capsys.readouterr().err
    assert f"{file} was changed" in error and "run 'o2recon prepare'" in error


def test_every_prepared_file_is_watched(study: Path) -> None:
    root = prepared(study)
    watched = set()
    for manifest in root.rglob("*manifest.json"):
        watched |= {str(manifest.parent / name) for name in json.loads(manifest.read_text())["outputs"]}
    files = {str(f) for f in root.rglob("*") if f.is_file() and not f.name.endswith("manifest.json")}
    assert {f for f in files if not f.endswith(".lock") and "/cache/" not in f} == watched
