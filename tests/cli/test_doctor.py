from pathlib import Path

import pytest

from o2recon.cli.main import status_of


def test_doctor_says_which_cue_networks_are_there_and_how_to_get_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "scannet.pt").write_bytes(b"weights")
    chosen = ["cues=snu", f"cues.normal.maps.network.checkpoint={tmp_path / 'scannet.pt'}"]
    assert status_of(["doctor", *chosen]) == 0
    lines = {line.partition(": ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "scannet.pt#" in lines["cues/normal=snu"]
    assert "'hf download prs-eth/marigold-normals-v1-1'" in lines["cues/normal=marigold"]
    assert "'hf download depth-anything/" in lines["cues/depth=depth_anything"]


def test_missing_weights_stop_a_run_over_all_objects_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_room: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for stage in ("prepare", "run"):
        assert status_of([stage, f"scene.root={tiny_room}", "experiment=smoke", "cues=marigold"]) == 2
        shown = capsys.readouterr()
        assert (shown.out + shown.err).count("hf download prs-eth/marigold-normals-v1-1") == 1
    assert not (tmp_path / "outputs").exists()
