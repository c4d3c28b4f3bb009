"""`logger=` on the command line: what a real run leaves for a dashboard, and that it decides nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from wandb_file import offline_runs

from o2recon.cli.main import status_of
from o2recon.train import Fit

pytestmark = pytest.mark.usefixtures("few_samples")
pytest.importorskip("wandb")


def run(folder: Path, room: Path, *overrides: str) -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", f"scene.root={room}"]
    return status_of(["run", "experiment=smoke", "object=1", "device=cpu", *places, *overrides])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path, few_samples: None) -> Path:
    """A study whose one run was logged, and which then failed with another seed."""
    folder = tmp_path_factory.mktemp("logged")
    assert run(folder, tiny_room, "logger=wandb") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fit, "__call__", _out_of_memory)
        assert run(folder, tiny_room, "logger=wandb", "seed=1", "report.media=none", "reports=false") == 1
    return folder


def test_a_run_its_failure_and_their_comparison_are_on_disk(folder: Path) -> None:
    ok, comparison, failed = offline_runs(folder / "outputs" / "main")
    assert [r.identity.job_type for r in (ok, comparison, failed)] == ["run", "report", "run"]
    assert (ok.exit, comparison.exit, failed.exit) == (0, 0, 1)
    assert set(ok.identity.tags) == {"scene:tiny", "object:1", "category:chair", "ablation:none", "seed:0"}
    assert "MemoryError" in failed.summary["error"]


def test_what_is_logged_is_what_the_files_say(folder: Path) -> None:
    ok = offline_runs(folder / "outputs" / "main")[0]
    files = folder / "outputs" / "main" / "smoke" / "none" / "tiny" / "1" / "seed_0"
    result = json.loads((files / "result.json").read_text())
    assert ok.summary["test/chamfer_cm"] == pytest.approx(result["metrics"]["complete"]["chamfer_cm"])
    header, first = (files / "metrics.csv").read_text().splitlines()[:2]
    row = dict(zip(header.split(","), first.split(","), strict=True))
    assert ok.series("train/loss/total")[0] == (
        int(row["step"]),
        pytest.approx(float(row["train/loss/total"]), rel=1e-5),
    )
    assert {"train/inv_s", "val/psnr_db", "views/truth_error", "mesh", "result"} <= {k for r in ok.history for k in r}
    assert ok.config["fingerprint"] == result["fingerprint"] and "work" not in ok.config["config"]


def test_the_logger_decides_nothing(folder: Path, tiny_room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fit, "__call__", _out_of_memory)
    assert run(folder, tiny_room, "reports=false") == 0  # the run of logger=wandb is up to date


def _out_of_memory(*_: Any, **__: Any) -> None:
    raise MemoryError
