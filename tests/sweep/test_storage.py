import os
import shutil
from pathlib import Path

import pytest

from o2recon.sweep import exclusive, holdings, removable, remove, write_result

INPUTS = ("sketches/3_class_inpaint mask.png",)
RESULTS = ("result.json", "mesh.ply", "mesh.glb", "config.yaml", "metrics.csv", "renders/color_0.png")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return written(
        tmp_path / "work" / "room" / "objects" / "1",
        *("object.json", "manifest.json", "masks/manifest.json", "masks/visible/3.png", "masks/cache/a.png"),
        *("inpainted/cache/b.png", "inpainted/image/3.jpg", *INPUTS),
    ).parents[2]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    run = tmp_path / "outputs" / "main" / "quick" / "none" / "room" / "1" / "seed_0"
    written(run, *RESULTS[1:], "checkpoints/last.ckpt")
    write_result(run, {"status": "ok"})
    failed = written(run.parents[1] / "2" / "seed_0", "config.yaml", "checkpoints/last.ckpt")
    write_result(failed, {"status": "failed"})
    written(run.parents[1] / "3" / "seed_0", "checkpoints/last.ckpt")
    written(run.parents[4] / "sweep", "2026-11-21/jobs/0.log", "2026-11-22/jobs/0.log")
    return run.parents[4]


def written(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    return folder


def files(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and f.name != ".lock"}


def test_inputs_sketches_meshes_and_results_survive_the_deletion_of_everything_else(work: Path, study: Path) -> None:
    list(remove(removable(work, study, ["prepared", "caches", "checkpoints", "jobs"])))
    assert files(work / "room" / "objects" / "1") == set(INPUTS)
    assert files(study / "quick" / "none" / "room" / "1" / "seed_0") == set(RESULTS)


def test_only_what_was_asked_for_is_listed_with_its_size(work: Path, study: Path) -> None:
    caches = removable(work, study, ["caches"])
    assert [(r.kind, r.path.parent.name, r.num_bytes) for r in caches] == [
        ("caches", "inpainted", 1000),
        ("caches", "masks", 1000),
    ]


def test_checkpoints_of_unfinished_and_failed_runs_stay_and_so_does_the_last_sweeps_log(
    work: Path, study: Path
) -> None:
    found = removable(work, study, ["checkpoints", "jobs"])
    assert [str(r.path.relative_to(study)) for r in found] == [
        "quick/none/room/1/seed_0/checkpoints",
        "sweep/2026-11-21",
    ]


def test_a_checkpoint_is_kept_where_the_mesh_is_gone(work: Path, study: Path) -> None:
    (study / "quick" / "none" / "room" / "1" / "seed_0" / "mesh.ply").unlink()
    assert removable(work, study, ["checkpoints"]) == []


def test_what_somebody_works_with_is_neither_listed_nor_deleted(work: Path, study: Path) -> None:
    object_folder = work / "room" / "objects" / "1"
    listed = removable(work, study, ["prepared"])
    with exclusive(object_folder, wait=False):
        assert removable(work, study, ["prepared"]) == []
        assert list(remove(listed)) == []
    assert (object_folder / "manifest.json").is_file()


def test_a_deletion_that_is_cut_short_leaves_no_folder_that_looks_ready(
    work: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> None:
        raise OSError(path)

    monkeypatch.setattr(shutil, "rmtree", fails)
    with pytest.raises(OSError):
        list(remove(removable(work, study, ["prepared"])))
    assert not (work / "room" / "objects" / "1" / "manifest.json").exists()


def test_links_are_removed_and_not_followed(work: Path, study: Path, tmp_path: Path) -> None:
    elsewhere = written(tmp_path / "elsewhere", "precious.png")
    (work / "room" / "objects" / "1" / "linked").symlink_to(elsewhere)
    list(remove(removable(work, study, ["prepared"])))
    assert (elsewhere / "precious.png").is_file()


def test_an_unknown_kind_is_an_error_that_lists_the_known_ones(work: Path, study: Path) -> None:
    with pytest.raises(ValueError, match="results; choose from caches, prepared, checkpoints, jobs, partial"):
        removable(work, study, ["results"])


def test_a_study_is_added_up_by_what_its_files_are(study: Path) -> None:
    sizes = holdings(study)
    assert (sizes["meshes"], sizes["checkpoints"], sizes["pictures"], sizes["sweep"]) == (2000, 3000, 1000, 2000)


def test_half_written_files_go_when_nobody_can_still_be_writing_them(work: Path, study: Path) -> None:
    old, new = study / ".partial-old.glb", work / "room" / ".partial-new.json"
    for file in (old, new):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert [r.path for r in remove(removable(work, study, ["partial"]))] == [old]
    assert new.is_file() and not old.exists()
