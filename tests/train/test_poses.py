"""Trainings whose views move."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from painted_box import rule
from sphere_scene import SphereScene, sphere_scene
from sphere_training import fit_of, killed_at, train

from o2recon.train import Ddp, PoseRefinement, Reconstruction, TrainingDiverged, read_checkpoint
from o2recon.train.alignment import rotations
from o2recon.train.checkpoint import LAST
from o2recon.workspace import ObjectFolder


def drifting(scene: SphereScene, cm: float) -> SphereScene:
    moved = []
    for n, view in enumerate(scene.views):
        pose = view.camera_to_world.copy()
        pose[:3, 3] += np.random.default_rng(n).normal(size=3) * cm / 100 / 3**0.5
        moved.append(replace(view, camera_to_world=pose))
    return replace(scene, views=tuple(moved))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return drifting(sphere_scene(size=24), 1.0).write(tmp_path_factory.mktemp("work") / "1")


def sphere_rule() -> PoseRefinement:
    return rule(shares="[0.0,0.25,0.7]", num_points=32, num_outline=8, iterations=2, min_gain=0.0)


def test_a_killed_training_goes_on_with_the_views_where_they_were(folder: ObjectFolder, tmp_path: Path) -> None:
    whole = train(folder, tmp_path / "whole", fit_of(16, warm=3), poses=sphere_rule())
    with killed_at(12):
        train(folder, tmp_path / "cut", fit_of(16, warm=3), poses=sphere_rule())
    resumed = train(folder, tmp_path / "cut", fit_of(16, warm=3), poses=sphere_rule())
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    for name in ("view_origins", "directions", "normal"):
        assert torch.equal(getattr(whole.data.train_table, name), getattr(resumed.data.train_table, name)), name
    assert whole.pose_notes is not None and whole.pose_notes == resumed.pose_notes and whole.pose_notes["moved"]
    rows = [_rows(tmp_path / run / "metrics.csv") for run in ("whole", "cut")]
    assert rows[0] == rows[1]
    assert float(rows[0][-1]["train/poses/shift_cm"] or rows[0][-2]["train/poses/shift_cm"]) > 0.05


@pytest.mark.parametrize("error", [TrainingDiverged("loss sdf not finite"), RuntimeError("CUDA out of memory")])
def test_a_training_that_goes_back_has_its_views_where_they_were_then(
    folder: ObjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It fails once, right after views moved at step 12, and goes on from step 8."""
    step, failures = Reconstruction.training_step, [error]

    def failing_once(self: Reconstruction, block: Any, index: int) -> None:
        if self.step >= 12 and failures:
            raise failures.pop()
        step(self, block, index)

    monkeypatch.setattr(Reconstruction, "training_step", failing_once)
    module = train(folder, tmp_path, fit_of(16, warm=3), poses=sphere_rule())
    assert not failures and module.pose_notes is not None
    assert [entry["step"] for entry in module.pose_notes["steps"]] == [0, 4, 12]
    table = train(folder, tmp_path / "given", fit_of(4)).data.train_table
    (state,) = (v for k, v in read_checkpoint(tmp_path / LAST)["callbacks"].items() if k == "MovingViews")
    for entry in state["done"]:
        motion = torch.tensor(entry["motion"] if entry["moved"] else [[0.0] * 6] * len(table.view_origins))
        table.move_views(rotations(motion[:, :3]), motion[:, 3:])
    assert torch.allclose(module.data.train_table.view_origins, table.view_origins, atol=1e-6)
    assert any(entry["moved"] for entry in state["done"])


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_training_brings_views_back_and_says_how_far_they_went(folder: ObjectFolder, tmp_path: Path) -> None:
    """To the sphere: turns about its centre nobody can see."""
    module = train(folder, tmp_path, fit_of(8, warm=60), poses=sphere_rule())
    notes = module.pose_notes
    assert notes is not None and [entry["step"] for entry in notes["steps"]] == [0, 4]
    before, after = notes["steps"][0]["apart_mm"]
    assert after < 0.6 * before
    told = notes["correction_degrees_cm"]
    assert list(told) == [str(v.index) for v in folder.read_record().views if not v.held_out]
    assert (
        max(cm for _, cm in told.values()) == pytest.approx(notes["largest_cm"], abs=2e-3) and notes["largest_cm"] > 0.2
    )
    assert read_checkpoint(tmp_path / LAST)["callbacks"]


def test_no_view_moves_to_a_field_that_has_learned_nothing(folder: ObjectFolder, tmp_path: Path) -> None:
    """The rule's first share is 0."""
    notes = train(folder, tmp_path, fit_of(8), poses=sphere_rule()).pose_notes
    assert notes is not None and [entry["step"] for entry in notes["steps"]] == [4]


def test_without_a_rule_views_stay_and_nothing_is_told(folder: ObjectFolder, tmp_path: Path) -> None:
    module = train(folder, tmp_path, fit_of(4))
    assert module.pose_notes is None and "train/poses" not in (tmp_path / "metrics.csv").read_text()


@pytest.mark.slow
def test_two_processes_move_the_same_views_alike(folder: ObjectFolder, tmp_path: Path) -> None:
    options = {"poses": sphere_rule(), "ddp": Ddp(devices=2, backend="auto", timeout_s=60)}
    both = train(folder, tmp_path / "two", fit_of(24, warm=3), **options)
    one = train(folder, tmp_path / "one", fit_of(24, warm=3), poses=sphere_rule())
    assert both.pose_notes is not None and one.pose_notes is not None
    assert both.pose_notes["steps"][0] == one.pose_notes["steps"][0]  # the same field
    assert both.block_means["train/loss/total"] == pytest.approx(one.block_means["train/loss/total"], rel=0.2)
