"""What the page offers to choose from."""

import shutil
from pathlib import Path

import pytest
from made_up_study import write_run

from o2recon.web.study import Study, method_name, open_study, state_of


def test_scenes_and_methods_are_those_with_runs(study: Study) -> None:
    assert study.scenes == ("attic", "room")
    assert study.methods("attic") == (("quick", "none", "0"),)
    assert set(study.methods("room")) == {("quick", "none", "0"), ("quick", "none", "1"), ("quick", "no_inpaint", "0")}


def test_a_run_is_found_by_scene_method_and_object(study: Study) -> None:
    run = study.run_of("room", ("quick", "none", "1"), "2")
    assert run is not None and run.folder.parts[-5:] == ("quick", "none", "room", "2", "seed_1")
    assert study.run_of("room", ("quick", "none", "1"), "3") is None


def test_the_seed_is_named_only_where_there_are_several() -> None:
    one, other = ("quick", "none", "0"), ("quick", "no_inpaint", "1")
    assert method_name(one, [one]) == "quick"
    assert method_name(other, [one, other]) == "quick / no_inpaint / seed 1"


def test_a_run_without_truth_of_its_own_has_that_of_the_same_object(tmp_path: Path) -> None:
    write_run(tmp_path / "main", ("quick", "none"), ("room", 2), groundtruth=str(tmp_path))
    write_run(tmp_path / "main", ("tsdf", "none"), ("room", 2), status="failed", error="no depth", groundtruth=None)
    study = open_study(tmp_path / "main", tmp_path)
    failed = study.run_of("room", ("tsdf", "none", "0"), "2")
    assert failed is not None and study.truth_of(failed) == tmp_path


def test_prepared_data_is_that_of_the_ablation_where_it_has_its_own(study: Study, tmp_path: Path) -> None:
    run = study.run_of("room", ("quick", "no_inpaint", "0"), "2")
    assert run is not None
    assert study.prepared(run).path.parent.name == "objects"
    shutil.copytree(study.work_dir, tmp_path / "work")
    own = tmp_path / "work" / "room" / "objects_no_inpaint"
    shutil.move(tmp_path / "work" / "room" / "objects", own)
    assert Study(study.folder, tmp_path / "work", study.runs).prepared(run).path == own / "2"


def test_an_unprepared_or_damaged_object_has_no_record(study: Study, tmp_path: Path) -> None:
    run = study.run_of("room", ("quick", "none", "0"), "2")
    assert run is not None and study.record(run) is not None
    elsewhere = Study(study.folder, tmp_path, study.runs)
    assert elsewhere.record(run) is None
    (tmp_path / "room/objects/2").mkdir(parents=True)
    (tmp_path / "room/objects/2/object.json").write_text("{}")
    assert elsewhere.record(run) is None


def test_the_state_changes_with_every_result(tmp_path: Path) -> None:
    write_run(tmp_path / "main", ("quick", "none"), ("room", 2))
    before = state_of(tmp_path / "main")
    assert state_of(tmp_path / "main") == before
    second = write_run(tmp_path / "main", ("quick", "none"), ("room", 3))
    with_second = state_of(tmp_path / "main")
    assert with_second != before
    (second / "result.json").unlink()
    assert state_of(tmp_path / "main") not in (before, with_second)


def test_a_study_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no runs"):
        open_study(tmp_path / "nothing", tmp_path)


@pytest.mark.parametrize("name", ["../../../etc", "/etc", "..", "a/b", "", "3", "[a]", "a\\b", ".hidden"])
def test_a_strangers_config_names_no_folder_elsewhere(name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "main", ("quick", "none"), ("room", 2))
    (run / "config.yaml").write_text(f"prepared: {name}\n")
    (tmp_path / "work" / "room" / name.lstrip("/") / "2").mkdir(parents=True, exist_ok=True)
    study = open_study(tmp_path / "main", tmp_path / "work")
    assert study.prepared(study.runs[0]).path == tmp_path / "work/room/objects/2"
