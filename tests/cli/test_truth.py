"""Where `run` takes the truth from, and what it says of truth that is not there or cannot be read."""

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from o2recon.cli.job import Job
from o2recon.cli.main import status_of
from o2recon.cli.opening import opened_scene
from o2recon.cli.options import composed
from o2recon.cli.planning import planned
from o2recon.cli.truth import check_truth, is_observed, truth_files, truth_folder
from o2recon.evaluate import load_truth
from o2recon.scene import Kept

CHAIR, BOX = Kept(1, "chair", (0,), (0.1,)), Kept(2, "box", (0,), (0.1,))


@pytest.fixture
def annotated(tiny_room: Path, tmp_path: Path) -> Path:
    """The tiny room without `groundtruth/`, with ScanNet's annotation of what that holds."""
    room = tmp_path / "scans" / "tiny"
    shutil.copytree(tiny_room, room, ignore=shutil.ignore_patterns("groundtruth"))
    meshes = [trimesh.load_mesh(tiny_room / "groundtruth" / f"{i}.ply") for i in (1, 2)]
    trimesh.util.concatenate(meshes).export(room / "tiny_vh_clean_2.ply")
    segments = {"segIndices": [i for i, mesh in enumerate(meshes) for _ in mesh.vertices]}
    (room / "tiny_vh_clean_2.0.010000.segs.json").write_text(json.dumps(segments))
    groups = [{"objectId": i, "segments": [i], "label": f"thing {i}"} for i in (0, 1)]
    (room / "tiny_vh_clean.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    return room


def job_of(room: Path, tmp_path: Path, *overrides: str) -> Job:
    places = [f"scene.root={room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    return Job(config=composed("run", (*places, *overrides)), experiment="quick", ablation="none", room="tiny")


def folder_of(room: Path, tmp_path: Path, *overrides: str) -> Path | None:
    job = job_of(room, tmp_path, *overrides)
    return truth_folder(job, opened_scene(job))


def check(room: Path, tmp_path: Path, *overrides: str, objects: tuple[Kept, ...] = (CHAIR, BOX)) -> None:
    job = job_of(room, tmp_path, *overrides)
    check_truth(job, opened_scene(job), objects)


def test_a_scan_with_true_meshes_keeps_them(annotated: Path, tiny_room: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_room / "groundtruth", annotated / "groundtruth")
    assert folder_of(annotated, tmp_path) == annotated / "groundtruth"
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("given", ["", "tiny", "."])
def test_without_them_scannets_annotation_is_the_truth(
    given: str, annotated: Path, tiny_room: Path, tmp_path: Path
) -> None:
    folder = folder_of(annotated, tmp_path, *([f"groundtruth={annotated.parent / given}"] if given else []))
    assert folder is not None and is_observed(folder)
    for i in (1, 2):
        truth = load_truth(folder, i)
        assert truth.observed_only and truth.kind == "observed surface"
        true = trimesh.load_mesh(tiny_room / "groundtruth" / f"{i}.ply")
        np.testing.assert_allclose(truth.points, true.vertices, atol=1e-5)


def test_points_are_made_again_only_when_the_annotation_changes(annotated: Path, tmp_path: Path) -> None:
    folder = folder_of(annotated, tmp_path)
    assert folder is not None
    before = (folder / "1.ply").stat().st_mtime_ns
    assert folder_of(annotated, tmp_path) == folder and (folder / "1.ply").stat().st_mtime_ns == before
    file = annotated / "tiny_vh_clean.aggregation.json"
    file.write_text(file.read_text().replace('"objectId": 1', '"objectId": 6'))
    folder_of(annotated, tmp_path)
    assert truth_files(folder, 7) and not truth_files(folder, 2)


def test_the_points_are_turned_with_a_world_that_is(annotated: Path, tmp_path: Path) -> None:
    still, turned = (folder_of(annotated, tmp_path, *o) for o in ((), ("scene.scale=2.0",)))
    assert still is not None and turned is not None and turned != still
    np.testing.assert_allclose(load_truth(turned, 1).points, 2 * load_truth(still, 1).points, atol=1e-5)


def test_ids_that_are_not_the_scans_own_are_not_those_of_the_annotation(annotated: Path, tmp_path: Path) -> None:
    assert folder_of(annotated, tmp_path, "instances=files", f"instances.folder={annotated / 'instance-filt'}") is None


def as_raw(scan: Path, tmp_path: Path) -> Path:
    """The scan as ScanNet ships it, without a copy of its truth."""
    raw = tmp_path / "raw" / "tiny"
    places = [f"scene.root={scan}", f"work={tmp_path / 'work'}", f"convert.root={raw}"]
    assert status_of(["convert", "convert=scannet_raw", *places]) == 0
    assert not (raw / "groundtruth").exists()
    return raw


def test_a_raw_scan_has_the_truth_of_its_annotation(annotated: Path, tmp_path: Path) -> None:
    raw = as_raw(annotated, tmp_path)
    folder = folder_of(raw, tmp_path / "fresh", "scene=scannet_raw")
    assert folder is not None and [f.name for f in sorted(folder.glob("*.ply"))] == ["1.ply", "2.ply"]
    assert folder_of(raw / "tiny.sens", tmp_path / "file", "scene=scannet_raw") is not None


@pytest.mark.slow
def test_a_raw_scan_is_scored_by_what_it_observed(
    annotated: Path, tmp_path: Path, few_samples: None, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [f"scene.root={as_raw(annotated, tmp_path)}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'out'}"]
    options = ["experiment=smoke", "baselines=[]", "scene=scannet_raw", "object=1", "reports=false", "device=cpu"]
    assert status_of(["run", *options, *places]) == 0
    told = capsys.readouterr()
    assert "recall 5 cm" in " ".join(told.out.split()) and "only surface that the scan observed" in told.err
    result: dict[str, Any] = json.loads(next((tmp_path / "out").rglob("result.json")).read_text())
    assert result["truth"] == "observed surface" and result["metrics"]["hidden"] is None
    assert result["metrics"]["complete"]["recall_5cm"] > 0.1 and result["metrics"]["complete"]["f_score_5cm"] is None


def test_a_folder_without_truth_of_what_was_asked_for_is_refused(
    tiny_room: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty holds no ground truth that is known: accepted are <id>\.ply"):
        check(tiny_room, tmp_path, f"groundtruth={tmp_path / 'empty'}")
    given = tmp_path / "given"
    given.mkdir()
    shutil.copyfile(tiny_room / "groundtruth" / "2.ply", given / "2.ply")
    with pytest.raises(ValueError, match=r"has no truth of tiny: object 1 \(chair\): name the folder"):
        check(tiny_room, tmp_path, f"groundtruth={given}", objects=(CHAIR,))
    with caplog.at_level(logging.WARNING):
        check(tiny_room, tmp_path, f"groundtruth={given}")
    assert "no truth of tiny: object 1 (chair): no scores for them" in caplog.text


def test_the_truth_of_another_scan_is_not_taken(tiny_room: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny_room, tmp_path / "other")
    with pytest.raises(ValueError, match=r"has no truth of tiny: object 1 \(chair\), 2 \(box\)"):
        check(tiny_room, tmp_path, f"groundtruth={other}")
    assert folder_of(tiny_room, tmp_path, f"groundtruth={other / 'groundtruth'}") == other / "groundtruth"


def test_a_sweep_with_such_a_folder_is_refused_before_it_starts(
    tiny_room: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "given").mkdir()
    shutil.copyfile(tiny_room / "groundtruth" / "2.ply", tmp_path / "given" / "2.ply")
    places = [f"scene.root={tiny_room}", f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}"]
    options = [*places, f"groundtruth={tmp_path / 'given'}", "experiment=smoke", "device=cpu"]
    with pytest.raises(ValueError, match="has no truth of tiny: object 1"):
        planned("run", [*options, "object=1", "seed=0,1"])
    with caplog.at_level(logging.WARNING):
        assert len(planned("run", [*options, "object=all"]).jobs) == 2
    assert "no truth of tiny: object 1" in caplog.text


def test_truth_that_cannot_be_read_is_bad_input_of_those_who_ask_for_it(tiny_room: Path, tmp_path: Path) -> None:
    room = shutil.copytree(tiny_room, tmp_path / "tiny")
    file = room / "groundtruth" / "2.ply"
    os.truncate(file, file.stat().st_size // 2)
    check(room, tmp_path, objects=(CHAIR,))
    with pytest.raises(ValueError, match=f"{file} cannot be read"):
        check(room, tmp_path)
