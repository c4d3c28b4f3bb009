"""Runs for Weights & Biases. The only place that knows wandb."""

import importlib
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from o2recon.logger.csv_files import METRICS, CsvLogger, RunLog, read_curves
from o2recon.logger.facts import RunFacts, numbers
from o2recon.logger.panels import NAMES, Panels
from o2recon.logger.summary import Plain, Summary, plain
from o2recon.report import collect_runs
from o2recon.workspace import write_json

_LOG = logging.getLogger(__name__)
MODES = ("offline", "online", "disabled")
IDS = "wandb.json"
"""Stage -> id of the wandb run, beside the run's files: a continued or repeated run overwrites itself."""


class WandbLogger(CsvLogger):
    """One wandb run per job and stage, and one (job type report) that compares all runs of the study.

    `media` "none" sends no pictures, meshes and checkpoints. `artifacts`: name -> files of the run's folder.
    `settings`: of wandb.Settings. Everything that is not sent yet lies in `outputs/<study>/wandb`. ImportError when
    wandb is not installed; ValueError for an unknown `mode`.
    """

    def __init__(
        self,
        *,
        project: str,
        entity: str | None,
        mode: str,
        media: str,
        views: Panels,
        artifacts: dict[str, list[str]],
        settings: dict[str, Any],
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"logger.mode={mode}: must be one of {', '.join(MODES)}")
        try:
            self._wandb = importlib.import_module("wandb")
        except ImportError as error:
            raise ImportError("logger=wandb needs wandb: pip install 'o2recon[wandb]'") from error
        self._place = {"project": project, "entity": entity, "mode": mode}
        self._settings, self._artifacts = settings, artifacts
        self._has_media, self._views = media != "none", views

    def opened(self, facts: RunFacts) -> RunLog:
        run = self._init(
            facts.study,
            id=_stored_id(facts.folder, facts.stage),
            name=facts.name,
            group=facts.group,
            job_type=facts.stage,
            tags=facts.tags,
            config=facts.described | {"config": facts.config},
        )
        views, artifacts = (self._views, self._artifacts) if self._has_media else (None, {})
        return _WandbRun(facts, self._wandb, run, views, artifacts)

    def compare(self, folder: Path) -> None:
        """One run whose tables, bars and pictures compare the methods."""
        runs = collect_runs(folder)
        run = self._init(
            folder,
            id=_stored_id(folder, "report"),
            name=folder.name,
            group=folder.name,
            job_type="report",
            tags=[f"experiment:{name}"[:64] for name in sorted({run.experiment for run in runs})],
            config={"study": folder.name},
        )
        try:
            with _data_in(folder):
                self._compare(run, folder, Summary(runs))
        finally:
            _finish(run, failed=False)

    def _compare(self, run: Any, folder: Path, summary: Summary) -> None:
        wandb = self._wandb
        shown: dict[str, Any] = {
            "study/methods": _table(wandb, plain(summary.methods)),
            "study/runs": _table(wandb, plain(summary.runs)),
        }
        for bar in summary.bars:
            table = wandb.Table(columns=["method", bar.key], data=[list(pair) for pair in bar.values.items()])
            shown[f"study/{bar.key}"] = wandb.plot.bar(table, "method", bar.key, title=bar.title)
        picture = folder / "report" / "overview.svg"
        if picture.is_file():
            shown["study/overview"] = wandb.Html(picture.read_text(), inject=False)
        if self._has_media:
            columns, rows = summary.gallery()
            cells = [[wandb.Image(x) if hasattr(x, "shape") else x for x in row] for row in rows]
            shown["study/gallery"] = wandb.Table(columns=columns, data=cells)
        run.log(shown)
        run.summary.update(summary.numbers)
        report = wandb.Artifact(f"report-{run.id}", type="report")
        for file in sorted((folder / "report").glob("*.*")):
            report.add_file(str(file))
        run.log_artifact(report)

    def _init(self, study: Path, **identity: Any) -> Any:
        study.mkdir(parents=True, exist_ok=True)
        settings = self._wandb.Settings(**self._settings)
        with _data_in(study):
            return self._wandb.init(dir=str(study), reinit="create_new", settings=settings, **self._place, **identity)


class _WandbRun(RunLog):
    def __init__(
        self, facts: RunFacts, wandb: Any, run: Any, views: Panels | None, artifacts: dict[str, list[str]]
    ) -> None:
        super().__init__(facts)
        self._wandb, self._run, self._views, self._artifacts = wandb, run, views, artifacts
        self._step = 0

    def curves(self, step: int, values: dict[str, float]) -> None:
        self._step = max(self._step, step)
        self._run.log(values, step=step)

    def finished(self, result: dict[str, Any]) -> None:
        if not self._step:  # trained before
            for step, values in read_curves(self.facts.folder / METRICS):
                self.curves(step, values)
        self._run.summary.update(numbers(result) | {"status": result["status"], "error": result["error"]})
        shown: dict[str, Any] = {}
        if scores := _scores(result):
            shown["result"] = _table(self._wandb, scores)
        meshed = self.facts.stage != "train" and not self.failed
        with _data_in(self.facts.study):
            if self._views is not None and not self.failed:
                shown |= self._pictures(self._views, meshed=meshed)
            if shown:
                self._run.log(shown, step=self._step)
            if not self.failed:
                self._log_artifacts()

    def _pictures(self, views: Panels, *, meshed: bool) -> dict[str, Any]:
        panels = views(self.facts, meshed=meshed)
        shown: dict[str, Any] = {}
        for name in NAMES:
            found = [(p.caption, p.pictures[name]) for p in panels if name in p.pictures]
            if found:
                images = [self._wandb.Image(picture, caption=caption) for caption, picture in found]
                shown[f"views/{name}"] = images
        mesh = self.facts.folder / "mesh.glb"
        if meshed and mesh.is_file():
            shown["mesh"] = self._wandb.Object3D(str(mesh))
        return shown

    def _log_artifacts(self) -> None:
        for name, files in self._artifacts.items():
            there = [self.facts.folder / file for file in files if (self.facts.folder / file).is_file()]
            if there:
                artifact = self._wandb.Artifact(f"{name}-{self._run.id}", type=name, metadata=self.facts.described)
                for file in there:
                    artifact.add_file(str(file))
                self._run.log_artifact(artifact)

    def close(self) -> None:
        _finish(self._run, failed=self.failed)


def _finish(run: Any, *, failed: bool) -> None:
    folder, mode = Path(run.settings.sync_dir), run.settings.mode
    run.finish(exit_code=int(failed))
    if mode == "offline":
        _LOG.info("wandb: 'wandb sync %s' sends this run", folder)


def _stored_id(folder: Path, stage: str) -> str:
    file = folder / IDS
    ids = json.loads(file.read_text()) if file.is_file() else {}
    if stage not in ids:
        ids[stage] = secrets.token_hex(4)
        write_json(file, ids)
    return str(ids[stage])


@contextmanager
def _data_in(study: Path) -> Iterator[None]:
    """What artifacts are made of waits beside the runs, not in the home folder, unless the user said where."""
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str((study / "wandb" / "data").absolute())
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def _table(wandb: Any, table: Plain) -> Any:
    return wandb.Table(columns=table.columns, data=table.rows)


def _scores(result: dict[str, Any]) -> Plain | None:
    """The metrics of `result.json` as a table, a row per part; None without truth."""
    parts = {part: values for part, values in (result.get("metrics") or {}).items() if values}
    names = list(dict.fromkeys(name for values in parts.values() for name in values))
    rows = [[part, *(values.get(name) for name in names)] for part, values in parts.items()]
    return Plain(["part", *names], rows) if rows else None
