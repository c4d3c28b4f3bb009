from pathlib import Path

import pytest

from o2recon.manifest import package_version
from o2recon.sweep import exclusive, study_status, write_result

OK = {"status": "ok", "versions": {"o2recon": package_version()}}


def test_every_state_is_told_apart(tmp_path: Path) -> None:
    study = tmp_path / "main"
    runs = [study / "quick" / "none" / "room" / str(i) / "seed_0" for i in range(1, 7)]
    for run in runs:
        run.mkdir(parents=True)
        (run / "mesh.ply").touch()
    write_result(runs[0], OK)
    write_result(runs[1], OK | {"status": "failed", "error": "out of memory"})
    write_result(runs[2], OK | {"versions": {"o2recon": "0.0.1"}})
    write_result(runs[5], OK)
    (runs[5] / "mesh.ply").unlink()
    with exclusive(runs[3], wait=False):
        entries = study_status(study)
    assert [e.state for e in entries] == ["ok", "failed", "stale", "running", "unfinished", "stale"]
    assert entries[1].note == "out of memory" and "mesh.ply is gone" in entries[5].note


def test_objects_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    study = tmp_path / "main"
    for i in (10, 9, 2):
        (study / "quick" / "none" / "room" / str(i) / "seed_0").mkdir(parents=True)
    assert [e.object for e in study_status(study)] == ["2", "9", "10"]


def test_a_missing_study_names_the_others(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(ValueError, match="choose study= among demo"):
        study_status(tmp_path / "main")
