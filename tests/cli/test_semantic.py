"""The semantic loss from the command line: what the result and the log say of it, and when that makes a run new."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_clip import save_clip

from o2recon.cli.main import status_of
from o2recon.sweep import with_network

pytestmark = pytest.mark.usefixtures("few_samples")
PART = {"encoder": {"model": "owner/name"}, "weight": 1.0}


def run(folder: Path, room: Path, *overrides: str, stage: str = "run") -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    options = ["object=1", "device=cpu", *overrides]
    return status_of([stage, "experiment=smoke", f"scene.root={room}", *places, *options])


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads(next(folder.glob("outputs/**/result.json")).read_text()))


def test_the_result_and_the_log_say_whether_it_was_on(
    tmp_path: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    network = save_clip(tmp_path / "net")
    views = ["objects=clip", f"objects.views.score.encoder.model={network}"]
    asked = ["semantic=clip", f"semantic.encoder.model={network}", "semantic.every=1"]
    assert run(tmp_path, tiny_room, *views, *asked) == 0
    told = capsys.readouterr().err
    scores = json.loads((tmp_path / "work/tiny/objects/1/clip_scores.json").read_text())
    assert f"view {scores['reference']} and 'chair'" in told and "without the semantic loss" not in told
    assert result(tmp_path)["semantic"].startswith("net#")
    assert run(tmp_path, tiny_room, *views, *asked) == 0 and "is up to date" in capsys.readouterr().err
    assert run(tmp_path, tiny_room, *views, "semantic=auto", stage="train") == 0
    assert "without the semantic loss: " in capsys.readouterr().err


def test_asked_for_without_weights_it_is_bad_input(
    tmp_path: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert run(tmp_path, tiny_room, "semantic=clip") == 2
    assert "hf download openai/clip-vit-base-patch32" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(tmp_path.glob("outputs/**/result.json"))


def test_off_it_leaves_no_trace_in_what_decides_a_result_and_on_it_names_the_weights() -> None:
    config = {"seed": 0, "semantic": {**PART, "required": False}}
    assert with_network(config, None) == with_network({"seed": 0}, None) == {"seed": 0}
    on = with_network(config, "owner/name@1")
    assert on == with_network({"seed": 0, "semantic": {**PART, "required": True}}, "owner/name@1")
    assert on != with_network(config, "owner/name@2")
