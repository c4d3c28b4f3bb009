"""Runs on disk -> records. The only place here that knows the names inside `outputs/` and `result.json`."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_LOG = logging.getLogger(__name__)

Key = tuple[str, str]
BASELINES = ("tsdf", "tsdf_closed", "hull", "tsdf_shell", "smooth_sdf")
"""Experiments that exist to be compared with."""
KINDS = {"ours": "o2recon", "other": "Meshes by others", "baseline": "Baselines"}
"""Kinds of methods in the order in which they are shown, and their headings."""


@dataclass(frozen=True)
class Run:
    """One `outputs/<study>/<experiment>/<ablation>/<scene>/<object>/seed_<n>/`.

    `status`: "ok", "failed" or "unfinished" (no result.json: still running, or killed). `result` is result.json as it
    stands, {} when there is none; every key of it may be missing.
    """

    folder: Path
    experiment: str
    ablation: str
    scene: str
    object: str
    seed: str
    status: str
    error: str | None
    result: dict[str, Any]

    @property
    def method(self) -> Key:
        return (self.experiment, self.ablation)

    @property
    def kind(self) -> str:
        """ "baseline", "ours", or "other": scored by `o2recon compare`, made by somebody else."""
        if self.experiment in BASELINES:
            return "baseline"
        return "other" if "compared" in self.result else "ours"

    @property
    def place(self) -> Key:
        """(scene, object): what every method is compared on."""
        return (self.scene, self.object)

    @property
    def category(self) -> str:
        return str(self.result.get("category") or "")

    @property
    def scored(self) -> bool:
        """True when ground truth was there."""
        return any(isinstance(part, dict) and part for part in self.part("metrics").values())

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of the stages until the mesh is there: all but `evaluate`. {} when not recorded."""
        seconds = self.part("seconds").items()
        return {k: float(s) for k, s in seconds if isinstance(s, int | float) and k != "evaluate"}

    @property
    def seconds(self) -> float | None:
        """Time until the mesh is there; None when not recorded or when there is no mesh."""
        return sum(self.stages.values()) if self.stages and self.status == "ok" else None

    @property
    def closed(self) -> bool | None:
        """Whether the mesh is closed; None when nobody said."""
        value = self.part("mesh").get("watertight")
        return value if isinstance(value, bool) else None

    def part(self, key: str) -> dict[str, Any]:
        """A dictionary of result.json; {} when it is missing or null."""
        value = self.result.get(key)
        return value if isinstance(value, dict) else {}

    def number(self, *keys: str) -> float | None:
        """A number inside result.json, as number("metrics", "hidden", "f_score_2cm"); None when it is not there."""
        value: Any = self.result
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def share(self, source: str) -> float | None:
        """Share of the mesh's surface that was "seen", "inpainted" or "guessed", in [0, 1]."""
        for name in (source, source.replace("inpainted", "in_painted")):
            value = self.number("evidence", name)
            if value is not None:
                return value
        return None


FILTERS = ("experiment", "ablation", "scene", "object", "seed")


def chosen_runs(runs: Sequence[Run], only: Mapping[str, object]) -> tuple[Run, ...]:
    """Those whose experiment, ablation, scene, object and seed are among the values in `only`, where it has any.

    ValueError for another key, or when no run is left.
    """
    if unknown := sorted(set(only) - set(FILTERS)):
        raise ValueError(f"report.only has {', '.join(unknown)}: choose among {', '.join(FILTERS)}")
    lists = {
        key: value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for key, value in only.items()
    }
    wanted = {key: {str(value) for value in values} for key, values in lists.items() if values}
    chosen = tuple(run for run in runs if all(getattr(run, key) in values for key, values in wanted.items()))
    if not chosen:
        there = "; ".join(f"{key} {', '.join(sorted({getattr(run, key) for run in runs}))}" for key in wanted)
        raise ValueError(f"report.only={dict(only)} leaves none of {len(runs)} runs; there are: {there}")
    return chosen


def collect_runs(study_dir: Path) -> tuple[Run, ...]:
    """All runs of a study, ordered by scene, object, method (`method_order`), seed (numbers as numbers).

    A folder counts as a run when it has a result.json or a config.yaml. A result.json that cannot be read is a failed
    run that says so, and so is one that ended well but whose mesh.ply is gone. ValueError when there is no run at all.
    """
    folders = sorted(p for p in study_dir.glob("*/*/*/*/seed_*") if p.is_dir())
    runs = [_read_run(p) for p in folders if (p / "result.json").is_file() or (p / "config.yaml").is_file()]
    if not runs:
        raise ValueError(
            f"{study_dir} holds no runs (<experiment>/<ablation>/<scene>/<object>/seed_<n>/result.json): "
            "run 'o2recon run' with this study first, or check study="
        )
    return tuple(sorted(runs, key=_order))


def _read_run(folder: Path) -> Run:
    experiment, ablation, scene, object_id, seed = folder.parts[-5:]
    status, error, result = "unfinished", None, {}
    file = folder / "result.json"
    if file.is_file():
        try:
            result = json.loads(file.read_text())
            if not isinstance(result, dict):
                raise ValueError("no JSON object")
            status = "ok" if result.get("status") == "ok" else "failed"
            error = result.get("error") or (None if status == "ok" else "failed without a message")
        except ValueError as problem:
            _LOG.warning("%s cannot be read (%s)", file, problem)
            status, error, result = "failed", "result.json cannot be read: delete it and run again", {}
    if status == "ok" and not _holds(folder / "mesh.ply"):
        _LOG.warning("%s is missing or empty: the run counts as failed", folder / "mesh.ply")
        status, error = (
            "failed",
            "mesh.ply is missing or empty although the run ended well: run it again with retry=all",
        )
        result = {k: v for k, v in result.items() if k not in ("metrics", "evidence", "mesh", "verdict")}
    return Run(folder, experiment, ablation, scene, object_id, seed.removeprefix("seed_"), status, error, result)


def _holds(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _order(run: Run) -> tuple[Any, ...]:
    object_id, seed = (int(text) if text.isdigit() else -1 for text in (run.object, run.seed))
    return (run.scene, object_id, run.object, *method_order(run.method, run.kind), seed, run.seed)


def method_order(method: Key, kind: str) -> tuple[Any, ...]:
    """What methods are sorted by: ours, meshes by others, baselines; of one experiment the ablation none first."""
    experiment, ablation = method
    place = BASELINES.index(experiment) if kind == "baseline" else 0
    return (list(KINDS).index(kind), place, experiment, ablation != "none", ablation)


def method_name(method: Key) -> str:
    """ "quick", or "quick / no_inpaint"."""
    return method[0] if method[1] == "none" else f"{method[0]} / {method[1]}"


def groundtruth_of(run: Run) -> Path | None:
    """Where the run's ground truth lies: a file, or a folder with `<object>.ply`. None when unknown or gone."""
    value = run.result.get("groundtruth")
    if not value:
        return None
    path = Path(str(value))
    if not path.exists():
        _LOG.warning("ground truth %s of %s is gone: no error colours", path, run.folder)
        return None
    return path


def scene_facts(run: Run) -> dict[str, Any]:
    """What the scan's instances.json says about the run's object (model, unseen share ...); {} when there is none."""
    for root in _scene_roots(run):
        file = root / "instances.json"
        if not file.is_file():
            continue
        try:
            entries = json.loads(file.read_text())
        except ValueError as problem:
            _LOG.warning("%s cannot be read (%s)", file, problem)
            continue
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and str(entry.get("instance", entry.get("id"))) == run.object:
                return entry
    return {}


def run_config(run: Run) -> str:
    """The resolved config as it was written; empty when there is none."""
    file = run.folder / "config.yaml"
    return file.read_text(errors="replace") if file.is_file() else ""


def _scene_roots(run: Run) -> list[Path]:
    roots = []
    truth = run.result.get("groundtruth")
    if truth:
        path = Path(str(truth))
        roots += [path.parent, path.parent.parent]
    try:
        config = yaml.safe_load(run_config(run))
    except yaml.YAMLError as problem:
        _LOG.warning("%s/config.yaml cannot be read (%s)", run.folder, problem)
        config = None
    scene = config.get("scene") if isinstance(config, dict) else None
    if isinstance(scene, dict) and scene.get("root"):
        roots.insert(0, Path(str(scene["root"])))
    return roots
