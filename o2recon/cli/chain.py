"""One object from its prepared data to `result.json`: train, mesh, evaluate."""

import logging
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.changed import changed
from o2recon.cli.child import seconds_since_start
from o2recon.cli.errors import MissingStage, is_full_disk, one_line
from o2recon.cli.fitting import Fitting
from o2recon.cli.job import Job
from o2recon.cli.prepare import Preparation
from o2recon.evaluate import failed_verdict
from o2recon.files import remove_partial
from o2recon.logger import CsvLogger, RunFacts
from o2recon.manifest import package_version, source_commit
from o2recon.models import MissingWeights
from o2recon.scene import Kept, Scene
from o2recon.sweep import (
    RESULT,
    Busy,
    damage,
    deciding,
    exclusive,
    fingerprint_of_files,
    is_finished,
    parsed_config,
    read_result,
    run_fingerprint,
    with_network,
    write_result,
)
from o2recon.train import Watch

logger = logging.getLogger(__name__)
CONFIG = "config.yaml"
STOPPING = (MissingStage, MissingWeights)
"""No object can succeed after one of these."""


@dataclass(frozen=True)
class Outcome:
    """What became of one object. `state`: ok, failed, current (nothing to do), busy (another process has it)."""

    kept: Kept
    state: str
    result: dict[str, Any]
    folder: Path

    @property
    def failed(self) -> bool:
        return self.result.get("status") == "failed"


class Chain:
    """All stages of single objects of one scene; `fits` names those after the preparation that run."""

    def __init__(self, job: Job, scene: Scene, *, prepares: bool, fits: tuple[str, ...]) -> None:
        self._job, self._scene = job, scene
        self._prepares, self._fits = prepares, fits
        self._logger: CsvLogger = build(job.config.logger)
        self._preparation = Preparation(job, scene)
        self._start_s = seconds_since_start() if not job.config.baseline else None
        """What a sweep's job took until here: packages, config, scan."""
        self._fitting = Fitting(job, scene) if fits else None

    def __call__(self, kept: Kept, *, one: bool) -> Outcome:
        """Bring one object up to date; its failure is recorded.

        Raised instead: a full disk, missing weights and, when only this `one` object was asked for, bad input in its
        preparation.
        """
        if not self._fits:
            return self._prepared_only(kept, one=one)
        folder = self._job.run_folder(self._scene.name, kept.id)
        identity = self._identity(kept)
        before = read_result(folder)
        finished = self._fits[-1] == "evaluate" and self._is_finished(before, identity, folder)
        if finished and not (self._prepares and self._preparation.is_damaged(kept)):
            assert before is not None
            outcome = Outcome(kept, "current", before, folder)
            told = "failed before, retry=failed tries it again" if outcome.failed else "is up to date"
            logger.info("object %d (%s) %s: %s", kept.id, kept.category, told, folder)
            return outcome
        if before is not None and not finished and self._prepares:
            self._say_why(kept, before, identity, folder)
        try:
            with self._preparation.ready(kept, build=self._prepares) as notes:
                needed = {"objects": notes["objects"]} if self._job.config.baseline else notes
                return self._fit(kept, identity, folder, needed)
        except Busy as error:
            logger.warning("%s", error)
            return Outcome(kept, "busy", {}, folder)
        except Exception as error:  # every failure of an object becomes its result
            if is_full_disk(error) or isinstance(error, STOPPING) or (one and isinstance(error, ValueError)):
                raise
            if finished and before is not None:
                logger.error("object %d (%s): not prepared again: %s", kept.id, kept.category, one_line(error))
                return Outcome(kept, "current", before, folder)
            with self._logger.run(self._facts(kept, identity, folder)) as log:
                outcome = self._failure(kept, error, identity, folder)
                log.finished(outcome.result)
                return outcome

    def _prepared_only(self, kept: Kept, *, one: bool) -> Outcome:
        folder = self._preparation.folder(kept.id).path
        try:
            with self._preparation.ready(kept, build=True) as notes:
                return Outcome(kept, "ok", {"seconds": _seconds(notes)}, folder)
        except Exception as error:  # as above
            if is_full_disk(error) or isinstance(error, MissingWeights) or (isinstance(error, ValueError) and one):
                raise
            return Outcome(kept, "failed", {"status": "failed", "error": self._told(kept, error)}, folder)

    def _fit(self, kept: Kept, identity: dict[str, Any], folder: Path, notes: dict[str, Any]) -> Outcome:
        """With the prepared data locked: the stages after them, in the run's own folder."""
        assert self._fitting is not None
        with exclusive(folder, wait=False):
            before = read_result(folder)
            if self._is_finished(before, identity, folder):
                assert before is not None
                return Outcome(kept, "current", before, folder)
            self._fitting.require(folder, identity["inputs"]["prepared"], self._fits)
            if before is not None and not self._prepares:
                self._say_why(kept, before, identity, folder)
            remove_partial(folder)
            resume = self._job.config.retry is None or before is None
            (folder / RESULT).unlink(missing_ok=True)
            OmegaConf.save(self._job.config, folder / CONFIG, resolve=True)
            with self._logger.run(self._facts(kept, identity, folder)) as log:
                outcome = self._attempt(kept, identity, folder, notes, resume=resume, watch=log.curves)
                log.finished(outcome.result)
                return outcome

    def _attempt(
        self,
        kept: Kept,
        identity: dict[str, Any],
        folder: Path,
        notes: dict[str, Any],
        *,
        resume: bool,
        watch: Watch,
    ) -> Outcome:
        assert self._fitting is not None
        prepared = self._preparation.folder(kept.id)
        inputs = identity["inputs"]["prepared"]
        try:
            scene = self._preparation.scene(kept)
            done = self._fitting(scene, prepared, folder, inputs, self._fits, resume=resume, watch=watch)
        except Exception as error:  # as above; here a ValueError is no bad input, that was checked before
            if is_full_disk(error) or isinstance(error, MissingStage):
                raise
            return self._failure(kept, error, identity, folder)
        result = self._result(kept, identity, "ok", None, notes) | done
        result["seconds"] = _seconds(notes) | done["seconds"]
        if self._fits[-1] == "evaluate":
            write_result(folder, result)
        return Outcome(kept, "ok", result, folder)

    def _failure(self, kept: Kept, error: Exception, identity: dict[str, Any], folder: Path) -> Outcome:
        assert self._fitting is not None
        line = self._told(kept, error)
        result = self._result(kept, identity, "failed", line, {}) | {
            "metrics": self._fitting.failed_metrics(kept.id),
            "verdict": failed_verdict("there is no mesh"),
            "groundtruth": self._fitting.groundtruth(kept.id),
        }
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self._job.config, folder / CONFIG, resolve=True)
        write_result(folder, result)
        return Outcome(kept, "failed", result, folder)

    def _told(self, kept: Kept, error: Exception) -> str:
        line = one_line(error)
        logger.error("object %d (%s) failed: %s", kept.id, kept.category, line)
        logger.debug("where", exc_info=error)
        return line

    def _identity(self, kept: Kept) -> dict[str, Any]:
        """What decides the result, and its fingerprint."""
        config = OmegaConf.to_container(self._job.config, resolve=True)
        assert self._fitting is not None and isinstance(config, dict)
        config = deciding(with_network({str(k): v for k, v in config.items()}, self._fitting.semantic_network))
        inputs = {
            "prepared": self._preparation.fingerprint(kept),
            "groundtruth": fingerprint_of_files(self._fitting.truth_files(kept.id)),
        }
        sources = self._preparation.sources(kept)
        fingerprint = run_fingerprint(config, inputs)
        return {"config": config, "inputs": inputs, "sources": sources, "fingerprint": fingerprint}

    def _facts(self, kept: Kept, identity: dict[str, Any], folder: Path) -> RunFacts:
        """What dashboards sort this run by."""
        assert self._fitting is not None
        truth = self._fitting.groundtruth(kept.id)
        return RunFacts(
            stage=self._job.stage,
            experiment=self._job.experiment,
            ablation=self._job.ablation,
            scene=self._scene.name,
            object=kept.id,
            category=kept.category,
            seed=int(self._job.config.seed),
            fingerprint=identity["fingerprint"],
            config=identity["config"],
            study=self._job.study,
            folder=folder,
            prepared=self._preparation.folder(kept.id),
            truth=None if truth is None else Path(truth),
        )

    def _is_finished(self, before: dict[str, Any] | None, identity: dict[str, Any], folder: Path) -> bool:
        if before is not None and before.get("status") == "ok" and damage(folder) is not None:
            return False
        return is_finished(before, fingerprint=identity["fingerprint"], retry=self._job.config.retry)

    def _say_why(self, kept: Kept, before: dict[str, Any], identity: dict[str, Any], folder: Path) -> None:
        """Log what differs from the result that is there."""
        if before.get("fingerprint") == identity["fingerprint"]:
            if before.get("status") == "ok" and (what := damage(folder)) is not None:
                logger.warning("object %d (%s): %s in %s: it is made again", kept.id, kept.category, what, folder)
            return
        recorded = folder / CONFIG
        config_before = parsed_config(recorded.read_text(errors="replace")) if recorded.is_file() else {}
        config = OmegaConf.to_container(self._job.config, resolve=True)
        assert isinstance(config, dict)
        what = changed(before, config_before, identity, {str(k): v for k, v in config.items()})
        logger.info("object %d (%s) runs again, since this changed: %s", kept.id, kept.category, what)

    def _result(
        self, kept: Kept, identity: dict[str, Any], status: str, error: str | None, notes: dict[str, Any]
    ) -> dict[str, Any]:
        """`result.json` as far as it does not depend on how the run went."""
        return {
            "status": status,
            "error": error,
            "scene": self._scene.name,
            "object": kept.id,
            "category": kept.category,
            "experiment": self._job.experiment,
            "ablation": self._job.ablation,
            "seed": self._job.config.seed,
            "seconds": _seconds(notes),
            "start_s": self._start_s,
            "steps": None,
            "device": None,
            "encoding": None,
            "inpainter": notes.get("inpaint", {}).get("inpainter"),
            "poses": notes.get("objects", {}).get("poses"),
            "semantic": None,
            "sample_share": None,
            "fingerprint": identity["fingerprint"],
            "inputs": identity["inputs"],
            "sources": identity["sources"],
            "versions": {
                "o2recon": package_version(),
                "commit": source_commit(),
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": numpy.__version__,
            },
            "metrics": {},
            "evidence": {},
            "mesh": {},
            "verdict": None,
            "groundtruth": None,
            "truth": None,
            "capture_to_world": self._scene.capture_to_world.tolist(),
        }


def _seconds(notes: dict[str, Any]) -> dict[str, float]:
    return {name: note["seconds"] for name, note in notes.items()}
