"""Training end to end on a sphere whose SDF is known."""

import csv
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from sphere_scene import sphere_scene
from sphere_training import FIELD, Killed, fit_of, killed_at, losses, sdf_error_cm, train

from o2recon.data import VolumeField
from o2recon.train import Fit, Reconstruction, TrainingDiverged, build_field, load_field, read_checkpoint
from o2recon.train.callbacks import MetricsFile
from o2recon.workspace import ObjectFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def test_rays_alone_find_the_sphere_within_a_centimetre(folder: ObjectFolder, tmp_path: Path) -> None:
    before = sdf_error_cm(build_field(FIELD, seed=0))
    module = train(folder, tmp_path, fit_of(120))
    assert before > 5 and sdf_error_cm(module.field) < 1
    assert module.validation["val/depth_residual_cm"] < 1
    assert module.validation["val/silhouette_iou"] > 0.9


def test_a_warm_start_follows_the_volume_within_3_mm(folder: ObjectFolder) -> None:
    volume, field = VolumeField(folder.read_volume()), build_field(FIELD, seed=0)
    start = fit_of(1, warm=100).warm_start
    assert start is not None
    error = start(field, volume, scale=folder.read_record().frame.scale, seed=0)
    assert error < 0.003
    assert sdf_error_cm(field) < 0.3


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(folder: ObjectFolder, tmp_path: Path) -> None:
    whole = train(folder, tmp_path / "whole", fit_of(24, warm=3))
    with killed_at(12):
        train(folder, tmp_path / "cut", fit_of(24, warm=3))
    assert read_checkpoint(tmp_path / "cut/checkpoints/last.ckpt")["o2recon"]["step"] == 8
    told: list[tuple[int, dict[str, float]]] = []
    resumed = train(
        folder, tmp_path / "cut", fit_of(24, warm=3), watch=lambda step, values: told.append((step, values))
    )
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    rows = [_rows(tmp_path / run / "metrics.csv") for run in ("whole", "cut")]
    assert rows[0] == rows[1] and [r["step"] for r in rows[0]] == ["4", "8", "8", "12", "16", "16", "20", "24", "24"]
    for (at, values), row in zip(told, rows[1], strict=True):  # all of it, so that a dashboard has no gap
        expected = {k: float(v) for k, v in row.items() if v and k != "step"}
        assert at == int(row["step"]) and values == pytest.approx(expected, rel=1e-5)


def test_a_run_that_is_killed_before_a_validation_makes_up_for_it(
    folder: ObjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(folder, tmp_path / "whole", fit_of(24, warm=3))

    def killed(self: MetricsFile, trainer: object, module: Reconstruction) -> None:
        raise Killed

    monkeypatch.setattr(MetricsFile, "on_validation_end", killed)
    with pytest.raises(Killed):  # after the checkpoint of step 8
        train(folder, tmp_path / "cut", fit_of(24, warm=3))
    monkeypatch.undo()
    train(folder, tmp_path / "cut", fit_of(24, warm=3))
    assert _rows(tmp_path / "cut" / "metrics.csv") == _rows(tmp_path / "whole" / "metrics.csv")


def test_a_run_that_is_killed_before_the_last_validation_makes_up_for_it(
    folder: ObjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(folder, tmp_path / "whole", fit_of(24, warm=3))
    append = MetricsFile.on_validation_end

    def killed(self: MetricsFile, trainer: pl.Trainer, module: Reconstruction) -> None:
        if module.step == 24:
            raise Killed
        append(self, trainer, module)

    monkeypatch.setattr(MetricsFile, "on_validation_end", killed)
    with pytest.raises(Killed):
        train(folder, tmp_path / "cut", fit_of(24, warm=3))
    monkeypatch.undo()
    train(folder, tmp_path / "cut", fit_of(24, warm=3))
    assert _rows(tmp_path / "cut" / "metrics.csv") == _rows(tmp_path / "whole" / "metrics.csv")


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_a_finished_run_is_not_trained_again(folder: ObjectFolder, tmp_path: Path) -> None:
    first = train(folder, tmp_path, fit_of(8))
    before = (tmp_path / "metrics.csv").read_text()
    again = train(folder, tmp_path, fit_of(8))
    assert again.step == 8
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in first.state_dict().items())
    assert (tmp_path / "metrics.csv").read_text() == before


def test_another_config_starts_again(folder: ObjectFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(folder, tmp_path, fit_of(4))
    with caplog.at_level("INFO", logger="o2recon"):
        train(folder, tmp_path, fit_of(8))
    assert "starts again" in caplog.text


def test_the_checkpoint_rebuilds_the_field(folder: ObjectFolder, tmp_path: Path) -> None:
    module = train(folder, tmp_path, fit_of(8))
    field = load_field(tmp_path / "checkpoints/last.ckpt")
    points = torch.rand(50, 3) - 0.5
    with torch.no_grad():
        assert torch.equal(field.sdf(points), module.field.sdf(points))


def test_metrics_have_one_column_a_term_and_every_validation(folder: ObjectFolder, tmp_path: Path) -> None:
    train(folder, tmp_path, fit_of(8))
    rows = _rows(tmp_path / "metrics.csv")
    assert {"train/loss/color", "train/loss/total", "val/depth_residual_cm", "val/silhouette_iou"} <= set(rows[0])
    assert "train/loss/normal" not in rows[0]
    assert rows[0]["train/loss/sdf"] and rows[-1]["val/silhouette_iou"]


def test_nan_is_a_diverged_training_with_a_one_line_reason(folder: ObjectFolder, tmp_path: Path) -> None:
    def broken(output: Any, rays: Any, points: Any) -> torch.Tensor:
        return output.sdf.mean() * float("nan")

    with pytest.raises(TrainingDiverged, match="loss broken") as caught:
        train(folder, tmp_path, fit_of(8), losses={**losses(), "broken": {"weight": 1.0, "loss": broken}})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoints/last.ckpt").exists()


class _BreaksOnce:
    """A loss that is not finite, or explodes, from the `at`-th call on; as often as `times`."""

    def __init__(self, at: int, times: int, value: float) -> None:
        self.calls, self.at, self.times, self.value = 0, at, times, value

    def __call__(self, output: Any, rays: Any, points: Any) -> torch.Tensor:
        self.calls += 1
        broken = self.at <= self.calls < self.at + self.times
        return output.sdf.square().mean() * (self.value if broken else 1e-3)


@pytest.mark.parametrize("value", [float("nan"), 1e9])
def test_a_training_that_diverges_once_goes_back_to_its_checkpoint_and_on_with_lower_rates(
    value: float, folder: ObjectFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Checkpoints every 8 steps; step 10 is bad the first time."""
    broken = _BreaksOnce(at=11, times=1, value=value)
    module = train(folder, tmp_path, fit_of(24), losses={**losses(), "broken": {"weight": 1.0, "loss": broken}})
    assert module.step == 24 and module.rate_factor == 0.1
    assert "training diverged at step" in caplog.text and "broken" in caplog.text
    assert broken.calls == 12 + 24 - 8  # up to the end of the block, and from the checkpoint on
    assert all(value.isfinite().all() for value in module.field.state_dict().values())


def test_one_that_diverges_again_is_given_up_also_by_another_process(folder: ObjectFolder, tmp_path: Path) -> None:
    for times in (100, 100):
        broken = _BreaksOnce(at=11, times=times, value=float("nan"))
        terms = {**losses(), "broken": {"weight": 1.0, "loss": broken}}
        with pytest.raises(TrainingDiverged, match="loss broken, total not finite"):
            train(folder, tmp_path, fit_of(24), losses=terms)


def test_a_field_that_diverges_before_its_first_checkpoint_starts_again(folder: ObjectFolder, tmp_path: Path) -> None:
    broken = _BreaksOnce(at=2, times=1, value=float("nan"))
    module = train(folder, tmp_path, fit_of(8), losses={**losses(), "broken": {"weight": 1.0, "loss": broken}})
    assert module.step == 8 and module.rate_factor == 0.1
    assert all(value.isfinite().all() for value in module.field.state_dict().values())


def test_a_torn_checkpoint_costs_one_interval(
    folder: ObjectFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = train(folder, tmp_path, fit_of(24, warm=3))
    last = tmp_path / "checkpoints/last.ckpt"
    assert read_checkpoint(tmp_path / "checkpoints/previous.ckpt")["o2recon"]["step"] == 16
    last.write_bytes(last.read_bytes()[:1000])
    caplog.set_level("INFO")
    again = train(folder, tmp_path, fit_of(24, warm=3))
    assert f"{last} cannot be read" in caplog.text and "continues from step 16" in caplog.text
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"half a checkpoint")
    with pytest.raises(ValueError, match=r"last\.ckpt cannot be read"):
        load_field(path)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match="device=tpu"):
        Fit(
            optimizer=fit_of(1).optimizer,
            stages=fit_of(1).stages,
            search=None,
            warm_start=None,
            early_stop=None,
            num_steps=1,
            steps_per_block=1,
            log_every=1,
            validate_every=1,
            checkpoint_every=1,
            cuda_graph=False,
            matmul_precision="highest",
            device="tpu",
        )
