"""Training that ends when held-out depth is flat: when, with what rates, and the same when it is resumed."""

import csv
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from sphere_scene import sphere_scene
from sphere_training import Killed, fit_of, train

from o2recon.train import EarlyStop, Reconstruction, read_checkpoint
from o2recon.workspace import ObjectFolder

ALWAYS = 100.0
"""Centimetres of improvement that nothing reaches: flat at the first chance."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def trained(
    folder: ObjectFolder, out: Path, *, cool_down: int, min_delta: float = ALWAYS, num_steps: int = 40
) -> Reconstruction:
    """Validated every 8 steps, in blocks of 4."""
    fit = fit_of(num_steps, warm=3)
    fit.early_stop = EarlyStop(patience=1, min_delta_cm=min_delta, cool_down_steps=cool_down)
    return train(folder, out, fit)


def test_flat_means_that_nothing_lately_beats_what_was_there_before() -> None:
    rule = EarlyStop(patience=2, min_delta_cm=0.1, cool_down_steps=0)
    assert not rule.is_flat([1.0, 1.0])
    assert rule.is_flat([1.0, 1.0, 0.95])
    assert not rule.is_flat([1.0, 0.8, 0.85])
    assert rule.is_flat([2.0, 1.0, 0.95, 1.3])
    assert not rule.is_flat([float("inf")] * 2 + [0.5, 0.6])


@pytest.mark.parametrize("cool_down", [0, 10])
def test_it_ends_after_the_cool_down_at_the_rates_of_the_end(
    folder: ObjectFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture, cool_down: int
) -> None:
    with caplog.at_level(logging.INFO):
        module = trained(folder, tmp_path, cool_down=cool_down)
    assert f"training ends at step {16 + cool_down} instead of 40" in caplog.text
    end = {0: 16, 10: 28}[cool_down]
    assert module.step == end
    assert read_checkpoint(tmp_path / "checkpoints/last.ckpt")["o2recon"]["step"] == end
    with open(tmp_path / "metrics.csv", newline="") as file:
        assert list(csv.DictReader(file))[-1]["step"] == str(end)
    share = module.adam.param_groups[0]["lr"] / module.adam.param_groups[0]["full_lr"]
    assert share == pytest.approx(0.05, abs=0.02) if cool_down else share > 0.5


@pytest.fixture(scope="module")
def whole(folder: ObjectFolder, tmp_path_factory: pytest.TempPathFactory) -> Reconstruction:
    return trained(folder, tmp_path_factory.mktemp("whole"), cool_down=12)


@pytest.mark.parametrize("step_killed", [16, 20])
def test_a_resumed_run_stops_where_an_uninterrupted_one_does_with_the_same_field(
    folder: ObjectFolder, whole: Reconstruction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_killed: int
) -> None:
    """Checkpoints are written every 8 steps; flat at step 16, the end at 28."""
    step = Reconstruction.training_step

    def killed(self: Reconstruction, block: Any, index: int) -> None:
        if self.step >= step_killed:
            raise Killed
        step(self, block, index)

    monkeypatch.setattr(Reconstruction, "training_step", killed)
    with pytest.raises(Killed):
        trained(folder, tmp_path / "cut", cool_down=12)
    monkeypatch.undo()
    resumed = trained(folder, tmp_path / "cut", cool_down=12)
    assert resumed.step == whole.step == 28
    assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in whole.state_dict().items())
    before = (tmp_path / "cut/metrics.csv").read_text()
    again = trained(folder, tmp_path / "cut", cool_down=12)
    assert again.step == 28, "a stopped run is finished"
    assert (tmp_path / "cut/metrics.csv").read_text() == before


def test_while_depth_gets_better_nothing_changes(folder: ObjectFolder, tmp_path: Path) -> None:
    watched = trained(folder, tmp_path / "watched", cool_down=8, min_delta=0.0, num_steps=24)
    plain = train(folder, tmp_path / "plain", fit_of(24, warm=3))
    assert watched.step == 24
    assert all(torch.equal(v, watched.state_dict()[k]) for k, v in plain.state_dict().items())


def test_a_cool_down_takes_the_whole_rest_of_the_schedule(whole: Reconstruction) -> None:
    assert [whole.scheduled_step(s) for s in (0, 15, 16, 22, 28)] == [0, 15, 16, 28, 39]
    steps = [whole.scheduled_step(s) for s in range(29)]
    assert steps == sorted(steps)


def test_numbers_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="patience=0 must be >= 1"):
        EarlyStop(patience=0, min_delta_cm=0.0, cool_down_steps=0)
