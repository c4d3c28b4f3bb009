"""The runs of a study as the page offers them: scenes, the methods of a scene, the objects of both."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from o2recon.report.collect import Run, collect_runs, groundtruth_of
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder

_LOG = logging.getLogger(__name__)

Method = tuple[str, str, str]
"""Experiment, ablation, seed."""


@dataclass(frozen=True)
class Study:
    """All runs of `outputs/<study>` as they are now. `work_dir` holds the prepared data of their objects."""

    folder: Path
    work_dir: Path
    runs: tuple[Run, ...]

    @property
    def scenes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.scene for run in self.runs))

    def methods(self, scene: str) -> tuple[Method, ...]:
        """Every (experiment, ablation, seed) that has a run in the scene, in the order of the runs."""
        return _distinct(method_of(run) for run in self.runs if run.scene == scene)

    def runs_of(self, scene: str, method: Method) -> tuple[Run, ...]:
        """One run per object."""
        return tuple(run for run in self.runs if run.scene == scene and method_of(run) == method)

    def run_of(self, scene: str, method: Method, object_id: str) -> Run | None:
        return next((run for run in self.runs_of(scene, method) if run.object == object_id), None)

    def truth_of(self, run: Run) -> Path | None:
        """Where the truth of the run's object lies: a failed run may not say it, but others of the same object do."""
        others = [r for r in self.runs if r.place == run.place and r is not run]
        return next((path for r in (run, *others) if (path := groundtruth_of(r)) is not None), None)

    def prepared(self, run: Run) -> ObjectFolder:
        """`work/<scene>/objects/<object>`; ablations of the preparation name another folder in their config."""
        named = self.work_dir / run.scene / _prepared_name(run) / run.object
        usual = self.work_dir / run.scene / "objects" / run.object
        return ObjectFolder(named if (named / "object.json").is_file() else usual)

    def record(self, run: Run) -> ObjectRecord | None:
        """What was prepared; None when the prepared data is not (or no longer) there."""
        folder = self.prepared(run)
        if not (folder.path / "object.json").is_file():
            return None
        try:
            return folder.read_record()
        except (ValueError, KeyError, TypeError) as problem:
            _LOG.warning("%s/object.json cannot be read (%s): no cameras", folder.path, problem)
            return None


def open_study(folder: Path, work_dir: Path) -> Study:
    """ValueError when the study has no run."""
    return Study(folder, work_dir, collect_runs(folder))


def state_of(folder: Path) -> tuple[tuple[str, int], ...]:
    """Changes when a run of the study begins, ends or is deleted. Cheap: names and times only."""
    files = [*folder.glob("*/*/*/*/seed_*/result.json"), *folder.glob("*/*/*/*/seed_*/config.yaml")]
    return tuple(sorted((str(file), time) for file in files if (time := stamp(file))))


def stamp(file: Path) -> int:
    """Time of the last change in nanoseconds, 0 when there is no such file."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def method_of(run: Run) -> Method:
    return (run.experiment, run.ablation, run.seed)


def method_name(method: Method, among: Iterable[Method]) -> str:
    """As the page calls it; the seed only where several were run."""
    experiment, ablation, seed = method
    name = experiment if ablation == "none" else f"{experiment} / {ablation}"
    return f"{name} / seed {seed}" if len({m[2] for m in among}) > 1 else name


def object_name(run: Run) -> str:
    return f"{run.object} {run.category}".strip()


def _prepared_name(run: Run) -> str:
    file = run.folder / "config.yaml"
    return _prepared_in(file, stamp(file))


@lru_cache(maxsize=4096)
def _prepared_in(file: Path, _stamp: int) -> str:
    """`prepared:` of a config.yaml; the usual name for a run without one, as those of `o2recon compare`."""
    if not _stamp:
        return "objects"
    try:
        config = yaml.safe_load(file.read_text(errors="replace"))
    except yaml.YAMLError as problem:
        _LOG.warning("%s cannot be read (%s)", file, problem)
        return "objects"
    name = config.get("prepared") if isinstance(config, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+-]*", name):  # a folder below the scene's, and no path
        return "objects"
    return name


def _distinct(methods: Iterable[Method]) -> tuple[Method, ...]:
    return tuple(dict.fromkeys(methods))
