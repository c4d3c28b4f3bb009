import os
from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.manifest import package_version
from o2recon.sweep import Journal, Planned, Record, write_result


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
    assert "'hf download prs-eth/marigold-normals-v1-1 --revision 09cfdd25" in lines["cues/normal=marigold"]
    assert "'hf download depth-anything/" in lines["cues/depth=depth_anything"]


def test_doctor_says_which_networks_for_depth_and_ids_are_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    pytest.importorskip("transformers")
    assert status_of(["doctor", "instances=sam", "instances.network.model=facebook/sam-vit-huge"]) == 0
    lines = {line.partition(": ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "'hf download depth-anything/Depth-Anything-V2-Small-hf " in lines["depth=network"]
    assert "'hf download prs-eth/marigold-depth-v1-1 " in lines["depth=marigold"]
    assert "'hf download facebook/sam-vit-huge" in lines["instances=sam"] and "depth=silhouettes" not in lines
    assert "hf download openai/clip" in lines["semantic"]


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


def test_a_bug_report_names_revision_packages_and_what_failed_and_hides_home_and_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("NUMBA_NUM_THREADS_NOTE", "shown")
    run = tmp_path / "outputs" / "main" / "quick" / "none" / "room" / "1" / "seed_0"
    versions = {"o2recon": package_version()}
    write_result(run, {"status": "failed", "error": "no view left", "fingerprint": "abc", "versions": versions})
    assert status_of(["doctor", "--report", f"outputs={tmp_path / 'outputs'}"]) == 0
    shown = capsys.readouterr().out
    assert "numpy " in shown and "revision: " in shown and "NUMBA_NUM_THREADS_NOTE=shown" in shown
    assert "failed: ~/outputs/main/quick/none/room/1/seed_0 (fingerprint abc): no view left" in shown
    assert "hf_secret" not in shown and str(tmp_path) not in shown


def test_a_bug_report_names_the_last_three_failures_of_all_studies_and_the_last_log(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs"
    for number in range(1, 5):
        run = outputs / "tables" / "quick" / "none" / "room" / str(number) / "seed_0"
        write_result(run, {"status": "failed", "error": f"reason {number}", "versions": {"o2recon": package_version()}})
        os.utime(run / "result.json", (number, number))
    journal = Journal(outputs / "main" / "sweep" / "2026")
    journal.begin("run", [Planned((), "quick", "none", "room", "1", "chair", "0", "new", "")], every_job=[], attempts=2)
    journal.write(0, Record("killed", "out of memory", 9.0, 10.0, 1, "here", 1, "0"))
    journal.log(0).write_text("what it printed")
    assert status_of(["doctor", "--report", f"outputs={outputs}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    failed = [line.partition("): ")[2] for line in lines if line.startswith("failed: ")]
    assert failed == [f"out of memory; log: {journal.log(0)}", "reason 4", "reason 3"]
    assert lines[-1] == f"last log: {journal.log(0)}"
    assert f"study: {outputs / 'tables'}, 4 runs, 4 failed" in lines
