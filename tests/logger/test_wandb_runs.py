"""What wandb has on disk after offline runs, read back from its files."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from logged_ball import finished_run
from made_up_study import write_run
from wandb_file import OfflineRun, offline_runs

from o2recon.logger import Panels, RunFacts, WandbLogger
from o2recon.logger.facts import numbers
from o2recon.logger.panels import NAMES
from o2recon.workspace import ObjectFolder, write_image

pytest.importorskip("wandb")
ARTIFACTS = {"mesh": ["mesh.glb", "mesh.ply", "nothing.txt"], "checkpoint": ["checkpoints/last.ckpt"]}
SETTINGS = {"silent": True, "console": "off", "symlink": False, "disable_git": True, "x_stats_sampling_interval": 0.2}
SETTINGS["x_transaction_log_flush_interval"] = 0.1


@pytest.fixture
def logger(panels: Panels) -> WandbLogger:
    return logger_of(panels)


def logger_of(panels: Panels, *, media: str = "all", mode: str = "offline") -> WandbLogger:
    return WandbLogger(
        project="o2recon", entity=None, mode=mode, media=media, views=panels, artifacts=ARTIFACTS, settings=SETTINGS
    )


@pytest.fixture(scope="module")
def logged(
    tmp_path_factory: pytest.TempPathFactory,
    prepared: ObjectFolder,
    truth: Path,
    panels: Panels,
    result: dict[str, Any],
) -> RunFacts:
    """A finished run, trained while it was logged."""
    facts = finished_run(tmp_path_factory.mktemp("logged"), prepared, truth)
    with logger_of(panels).run(facts) as log:
        log.curves(10, {"train/loss/total": 0.5})
        log.curves(10, {"val/psnr_db": 21.5})
        log.curves(20, {"train/loss/total": 0.25})
        time.sleep(0.5)
        log.finished(result)
    return facts


@pytest.fixture
def written(logged: RunFacts) -> OfflineRun:
    """What it left."""
    (run,) = offline_runs(logged.study)
    return run


def test_a_run_is_on_disk_with_everything_a_dashboard_sorts_by(written: OfflineRun, logged: RunFacts) -> None:
    identity = written.identity
    assert (identity.project, identity.run_group, identity.job_type) == ("o2recon", "main/quick", "run")
    assert identity.display_name == logged.name and tuple(identity.tags) == logged.tags
    assert written.config["config"] == {"train": {"num_steps": 20}} and written.config["category"] == "ball"
    assert written.exit == 0


def test_its_curves_and_numbers_are_those_of_the_csv_files(written: OfflineRun, result: dict[str, Any]) -> None:
    assert written.series("train/loss/total") == [(10, 0.5), (20, 0.25)]
    assert written.series("val/psnr_db") == [(10, 21.5)]
    for key, value in numbers(result).items():
        assert written.summary[key] == pytest.approx(value), key
    assert written.summary["status"] == "ok"


def test_its_panels_mesh_and_table_are_there(written: OfflineRun, logged: RunFacts, result: dict[str, Any]) -> None:
    for name in NAMES:
        pictures = [cv2.imread(str(file)) for file in written.files(f"views/{name}")]
        assert [p.shape[0] for p in pictures] == [60, 60] and any(p.std() > 1 for p in pictures), name
        assert written.shown(f"views/{name}")["captions"][0] == "view 0"
    (mesh,) = written.files("mesh")
    assert mesh.read_bytes() == (logged.folder / "mesh.glb").read_bytes()
    columns, rows = written.table("result")
    complete = dict(zip(columns, rows[0], strict=True))
    assert [row[0] for row in rows] == ["complete", "hidden"]
    assert complete["iou"] == 0.7 and rows[1][columns.index("iou")] is None


def test_its_artifacts_and_system_metrics_are_there(written: OfflineRun, logged: RunFacts) -> None:
    assert set(written.artifacts["mesh"]) == {"mesh.glb", "mesh.ply"}
    waiting = written.artifacts["checkpoint"]["last.ckpt"]
    assert waiting.read_bytes() == b"weights"
    assert waiting.is_relative_to(logged.study / "wandb")  # beside the run, not in the home folder
    assert "WANDB_DATA_DIR" not in os.environ
    assert any("memory" in key for row in written.stats for key in row)


def test_a_run_that_was_trained_before_has_the_curves_of_its_metrics_csv(
    facts: RunFacts, logger: WandbLogger, result: dict[str, Any]
) -> None:
    with logger.run(replace(facts, stage="evaluate")) as log:
        log.finished(result)
    (run,) = offline_runs(facts.study)
    assert run.series("train/loss/total") == [(10, 0.5), (20, 0.25)] and run.identity.job_type == "evaluate"


def test_the_same_run_again_takes_the_same_id_and_another_stage_another_one(
    facts: RunFacts, panels: Panels, result: dict[str, Any]
) -> None:
    logger = logger_of(panels, media="none")
    for stage in ("run", "evaluate", "run"):
        with logger.run(replace(facts, stage=stage)) as log:
            log.finished(result)
        time.sleep(1.0 if stage == "evaluate" else 0.0)  # folders are named by the second
    first, other, second = (run.identity.run_id for run in offline_runs(facts.study))
    assert first == second != other


def test_failed_runs_end_as_failed_with_their_reason(facts: RunFacts, logger: WandbLogger) -> None:
    with logger.run(facts) as log:
        log.finished({"status": "failed", "error": "out of memory", "metrics": None})
    with pytest.raises(MemoryError), logger.run(replace(facts, stage="train")):
        raise MemoryError
    told, raised = offline_runs(facts.study)
    assert told.exit == 1 and told.summary["error"] == "out of memory" and "mesh" not in told.artifacts
    assert raised.exit == 1


def test_pictures_meshes_and_checkpoints_can_be_left_out(
    facts: RunFacts, panels: Panels, result: dict[str, Any]
) -> None:
    with logger_of(panels, media="none").run(facts) as log:
        log.finished(result)
    (run,) = offline_runs(facts.study)
    assert not {"mesh", "checkpoint"} & set(run.artifacts)
    assert not [key for row in run.history for key in row if key.startswith(("views", "mesh"))]
    assert not list((run.folder / "files").rglob("*.png"))


def test_a_study_has_one_run_that_compares_its_methods(tmp_path: Path, logger: WandbLogger) -> None:
    study = tmp_path / "outputs" / "night"
    for i, method in enumerate((("quick", "none"), ("quick", "no_inpaint"), ("tsdf", "none"))):
        folder = write_run(study, method, ("room", 2))
        write_image(folder / "renders" / "clay_0.png", np.full((20, 20, 3), 50 * i, np.uint8))
    (study / "report").mkdir()
    (study / "report" / "overview.svg").write_text("<svg/>")
    (study / "report" / "index.html").write_text("<html/>")
    logger.study(study)
    (run,) = offline_runs(study)
    assert (run.identity.job_type, run.identity.run_group, run.exit) == ("report", "night", 0)
    columns, rows = run.table("study/methods")
    means = {(r[0], r[1]): r for r in rows if r[columns.index("statistic")] == "mean"}
    assert means["quick", "none"][columns.index("hidden_f_score_5cm")] == pytest.approx(0.7 * 0.8)
    assert len(run.table("study/runs")[1]) == 3
    assert run.table("study/hidden_f_score_5cm_table")[1][0] == ["quick", pytest.approx(0.56)]
    gallery = json.loads(run.artifacts["run_table"]["study/gallery.table.json"].read_text())
    (row,) = gallery["data"]
    assert gallery["columns"][3:] == ["quick", "quick / no_inpaint", "tsdf"] and row[:3] == ["room", "2", "chair"]
    pictures = [cv2.imread(str(run.artifacts["run_table"][cell["path"]])) for cell in row[3:]]
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 50, 100]
    assert run.files("study/overview")[0].read_text().startswith("<svg")
    assert list(run.artifacts["report"]) == ["index.html", "overview.svg"]
    assert run.summary["study/num_ok"] == 3 and run.summary["quick/hidden_f_score_5cm"] == pytest.approx(0.56)
    assert {run.summary[f"study/{name}"]["_type"] for name in ("methods", "runs", "gallery")} == {"table-file"}


@pytest.mark.slow
def test_a_killed_process_leaves_a_readable_run(facts: RunFacts) -> None:
    script = (
        "import os, pickle, signal, sys, time\n"
        "from o2recon.logger import WandbLogger\n"
        "options, facts = pickle.loads(sys.stdin.buffer.read())\n"
        "log = WandbLogger(**options).opened(facts)\n"
        "log.curves(10, {'train/loss/total': 0.5})\n"
        "log.curves(20, {'train/loss/total': 0.25})\n"
        "time.sleep(0.5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    options = {"project": "o2recon", "entity": None, "mode": "offline", "media": "none", "views": None}
    given = pickle.dumps((options | {"artifacts": {}, "settings": SETTINGS}, facts))
    alone = {k: v for k, v in os.environ.items() if "WANDB" not in k}  # with a service of its own
    ended = subprocess.run([sys.executable, "-c", script], input=given, env=alone, check=False)
    assert ended.returncode == -signal.SIGKILL
    (run,) = offline_runs(facts.study, until=lambda run: bool(run.history))
    assert run.series("train/loss/total")[0] == (10, 0.5) and run.identity.display_name == facts.name


def test_the_mode_is_checked(panels: Panels) -> None:
    with pytest.raises(ValueError, match=r"logger\.mode=later: must be one of offline"):
        logger_of(panels, mode="later")


def test_without_wandb_the_error_names_the_extra(panels: Panels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match=r"pip install 'o2recon\[wandb\]'"):
        logger_of(panels)
