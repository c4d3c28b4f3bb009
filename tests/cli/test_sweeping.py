"""A whole sweep: a job that fails stops no other, and only it runs again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from o2recon.cli import sweeping
from o2recon.cli.main import status_of
from o2recon.cli.planning import planned
from o2recon.sweep import Journal, Planned, Record


def test_the_log_of_a_thousand_jobs_has_a_line_for_each_and_few_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Planned(("seed=1",), "quick", "none", "room", "2", "chair", "0", "new", "")
    journal = Journal(tmp_path)
    journal.begin("run", [job] * 1000, every_job=[], attempts=1)
    running, minute = Record("running", "", 0.0, None, 1, "here", 1, ""), 60.0
    told: dict[int, Record] = {}
    now = 0.0
    monkeypatch.setattr(journal, "records", lambda: dict(told))
    monkeypatch.setattr("o2recon.cli.sweeping.time", SimpleNamespace(time=lambda: now, strftime=lambda _: "12:00:00"))
    with_log = sweeping._Teller(journal)
    for number in range(1000):
        told[number] = running
        if number:
            told[number - 1] = replace(running, state="ok", ended=now)
        for _ in range(60 * 24 if number == 500 else 2):  # one of them takes a day
            now += minute
            with_log._look()
    lines = (tmp_path / "sweep.log").read_text().splitlines()
    assert sum(" ok in " in line for line in lines) == 999 and len(lines) < 1050
    assert max(map(len, lines)) < 200 and capsys.readouterr().err.splitlines() == lines


@pytest.mark.slow
def test_a_failed_job_stops_no_other_and_only_it_runs_again(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Path(shutil.copytree(tiny_room, tmp_path / "tiny"))
    (room / "groundtruth" / "1.ply").write_text("no mesh")
    command = ["run", "-m", "experiment=smoke", f"scene.root={room}", "object=1,2", "device=cpu"]
    command += [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    study = tmp_path / "outputs" / "main"
    assert status_of(command) == 1
    told = capsys.readouterr().err
    assert "1 of 2 jobs failed: tiny 1 (chair) smoke/none seed 0: " in told and "objects failed" not in told
    assert (study / "report" / "index.html").is_file()
    shutil.copy(tiny_room / "groundtruth" / "1.ply", room / "groundtruth" / "1.ply")
    assert status_of(command) == 0
    results = [json.loads(f.read_text()) for f in sorted(study.glob("smoke/none/tiny/*/seed_0/result.json"))]
    assert [(r["object"], r["status"]) for r in results] == [(1, "ok"), (2, "ok")]
    record = next(iter(Journal(sorted((study / "sweep").iterdir())[-1]).records().values()))
    took = results[0]["start_s"] + sum(results[0]["seconds"].values())
    assert record.ended is not None and 0.5 * took < record.ended - record.started < took + 15
    first, second = (Journal(f) for f in sorted((study / "sweep").iterdir()))
    assert [j.object for j in first.jobs()] == ["1", "2"] and [j.object for j in second.jobs()] == ["1"]
    assert (study / "smoke" / "none" / "tiny" / "scene.glb").stat().st_size > 0


@pytest.mark.slow
def test_a_sweep_started_again_sees_what_people_changed_since(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Path(shutil.copytree(tiny_room, tmp_path / "tiny"))
    places = [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}", f"scene.root={room}", "device=cpu"]
    command = ["experiment=smoke", "object=1,2", "masks=auto", "reports=false", *places]

    def planned_states() -> list[tuple[str, str]]:
        return [(job.state, job.note) for job in planned("run", command).jobs]

    assert status_of(["run", "-m", *command]) == 0
    assert planned_states() == [("ok", ""), ("ok", "")]
    sketches = tmp_path / "work" / "tiny" / "objects" / "1" / "sketches"
    sketches.mkdir()
    view = next((sketches.parent / "masks" / "visible").iterdir())
    mask = sketches / f"{view.stem}_class_inpaint mask.png"
    shutil.copy(view, mask)
    (first, why), second = planned_states()
    assert (first, second) == ("stale", ("ok", "")) and str(sketches) in why and why.endswith("changed")
    mask.unlink()
    assert planned_states() == [("ok", ""), ("ok", "")]
    picture = next((room / "color").iterdir())
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert planned_states() == [("stale", "the scan, or how it is read, changed")] * 2
    assert status_of(["run", "-m", *command]) == 0
    assert planned_states() == [("ok", ""), ("ok", "")]
    other = [o for o in command if not o.startswith(("object=", "reports="))]
    assert status_of(["prepare", *other, "scene.max_bad_share=0.2"]) == 0  # another experiment, in the same folder
    assert planned_states() == [("ok", ""), ("ok", "")]
