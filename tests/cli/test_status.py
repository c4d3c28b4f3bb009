from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.manifest import package_version
from o2recon.sweep import Journal, Planned, Record, write_result


def planned(number: int) -> Planned:
    return Planned((f"object={number}",), "quick", "none", "room", str(number), "chair", "0", "new", "", None)


def test_status_shows_what_is_done_what_is_planned_and_how_long_it_will_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "main" / "quick" / "none" / "room" / "1" / "seed_0"
    run.mkdir(parents=True)
    (run / "mesh.ply").touch()
    about = {"experiment": "quick", "ablation": "none", "scene": "room", "object": 1, "seconds": {"train": 50.0}}
    write_result(run, {"status": "ok", "versions": {"o2recon": package_version()}} | about)
    journal = Journal(tmp_path / "main" / "sweep" / "2026")
    journal.begin("run", [planned(1), planned(2), planned(3)], every_job=[], attempts=2)
    journal.write(0, Record("ok", "", 0.0, 50.0, 1, "here", 1, "0"))
    assert status_of(["status", f"outputs={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[5] for line in lines[2:5]] == ["ok", "planned", "planned"]
    assert lines[5] == "1 ok, 2 planned; about 2 min left, one after the other"
    assert lines[6] == "last sweep, 2026: 1 ok, 2 waiting"


def test_status_says_what_the_study_holds_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "outputs" / "main" / "quick" / "none" / "room" / "1" / "seed_0"
    (run / "checkpoints").mkdir(parents=True)
    (run / "mesh.ply").write_bytes(b"x" * 1_500_000)
    (run / "checkpoints" / "last.ckpt").write_bytes(b"x" * 2_500_000)
    prepared = tmp_path / "work" / "room" / "objects" / "1"
    (prepared / "inpainted" / "cache").mkdir(parents=True)
    (prepared / "object.json").write_bytes(b"x" * 3_000_000)
    (prepared / "inpainted" / "cache" / "a.npz").write_bytes(b"x" * 1_000_000)
    (tmp_path / "work" / "synth" / "tiny" / "color").mkdir(parents=True)
    assert status_of(["status", f"outputs={tmp_path / 'outputs'}", f"work={tmp_path / 'work'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "on disk: 4.0 MB (meshes 1.5 MB, checkpoints 2.5 MB)"
    assert lines[-2] == f"prepared data in {tmp_path / 'work'}: 4.0 MB (room 4.0 MB); caches are 1.0 MB of it"
    assert "o2recon clean clean.what=[prepared]" in lines[-1]


def test_without_a_study_the_others_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "tables" / "quick" / "none" / "room" / "1" / "seed_0"
    write_result(run, {"status": "failed", "error": "no view", "versions": {"o2recon": package_version()}})
    assert status_of(["status", f"outputs={tmp_path}"]) == 0
    assert "  tables: 1 failed; 0.0 MB" in capsys.readouterr().out.splitlines()
    (tmp_path / "main").mkdir()
    assert status_of(["status", f"outputs={tmp_path}"]) == 0
    assert "  tables: 1 failed; 0.0 MB" in capsys.readouterr().out.splitlines()
    assert status_of(["status", f"outputs={tmp_path}", "study=main"]) == 0
    assert "tables" not in capsys.readouterr().out
    assert status_of(["status", f"outputs={tmp_path}", "study=table"]) == 2
    assert "choose study= among" in capsys.readouterr().err


def test_a_job_that_ended_without_a_result_is_failed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main" / "quick" / "none" / "room" / "1" / "seed_0").mkdir(parents=True)
    journal = Journal(tmp_path / "main" / "sweep" / "2026")
    journal.begin("run", [planned(1)], every_job=[], attempts=2)
    journal.write(0, Record("failed", "truth cannot be read", 0.0, 50.0, 1, "here", 1, "0"))
    assert status_of(["status", f"outputs={tmp_path}"]) == 0
    assert "failed         truth cannot be read" in capsys.readouterr().out


def test_a_job_that_has_only_just_begun_is_running_and_one_that_failed_at_once_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path / "main" / "sweep" / "2026")
    journal.begin("run", [planned(1), planned(2), planned(3)], every_job=[], attempts=2)
    journal.write(0, Record("running", "", 0.0, None, 1, "here", 1, "0"))
    journal.write(1, Record("failed", "no weights", 0.0, 1.0, 1, "here", 1, "0"))
    assert status_of(["status", f"outputs={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[5] for line in lines[2:5]] == ["running", "failed", "planned"]
    assert lines[3].endswith("no weights") and lines[5].startswith("1 running, 1 failed, 1 planned")
    assert lines[6] == "last sweep, 2026: 1 running, 1 waiting, 1 failed"
