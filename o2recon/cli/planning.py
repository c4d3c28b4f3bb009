"""From a command line with alternatives to the jobs of a sweep, each with its state and expected time."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf, open_dict

from o2recon.cli.build import build
from o2recon.cli.companions import companions, is_auto
from o2recon.cli.job import Job, choices_of
from o2recon.cli.opening import opened_scene
from o2recon.cli.options import composed
from o2recon.cli.outside import Prepared, changed_outside, prepared_with
from o2recon.cli.prepare import MANIFESTS, scene_identity
from o2recon.cli.selection import for_object, select, wanted
from o2recon.cli.truth import check_coverage, truth_files, truth_folder
from o2recon.poses import Source as PoseSource
from o2recon.scene import Kept, Scene, Selection
from o2recon.sweep import Estimates, Planned, earlier_results, fingerprint_of_files, run_state

PER_OBJECT = ("run", "prepare", "train", "mesh", "evaluate")
"""Stages of which a sweep makes one job per object, so that every device gets one."""
SCORED = ("run", "evaluate")
"""Stages that end with a result by which a finished job is known."""
CHEAP = ("object", "scene.root", "seed")
"""Keys that choose no group and change nothing else: configs that differ in them alone are composed once."""


@dataclass
class Plan:
    """All jobs, and what holds for the sweep as a whole."""

    jobs: list[Planned]
    study: Path
    work: Path
    retry: str | None
    attempts: int
    report: dict[str, Any] | None
    """The report's config, when the sweep writes one at its end."""
    logger: dict[str, Any]
    """Config of the dashboard that is told the comparison then."""


def planned(stage: str, arguments: Sequence[str]) -> Plan:
    """The jobs that `arguments` (without flags and Hydra's own options) stand for, in the order of Hydra's sweeps.

    Raises what a single run would raise for a scene or an object that is not there, before anything has started.
    """
    asked = [_Asked(stage, combination) for combination in combinations(arguments)]
    bases: dict[tuple[str, ...], Job] = {}
    for one in asked:
        if one.key not in bases:
            bases[one.key] = _composed(stage, one.key)
    first = bases[asked[0].key]
    planner = _Planner(stage, Estimates(earlier_results(first.study)))
    jobs = list(dict.fromkeys(job for one in asked for job in planner(one, bases[one.key])))
    _check_folders(jobs)
    if stage in SCORED:
        _check_truth(list(planner.groups.values()))
    config = first.config
    writes = stage == "run" and config.reports
    report = OmegaConf.to_container(config.report, resolve=True) if writes else None
    logger = OmegaConf.to_container(config.logger, resolve=True)
    assert (report is None or isinstance(report, dict)) and isinstance(logger, dict)
    return Plan(
        jobs=jobs,
        study=first.study,
        work=Path(config.work),
        retry=config.retry,
        attempts=int(config.sweep.attempts),
        report={str(k): v for k, v in report.items()} if report else None,
        logger={str(k): v for k, v in logger.items()},
    )


def _check_folders(jobs: Sequence[Planned]) -> None:
    """ValueError when two jobs would write into the same folder."""
    seen: dict[tuple[str, ...], Planned] = {}
    for job in (j for j in jobs if j.object != "-"):
        study = next((o for o in job.overrides if o.startswith(("study=", "outputs="))), "")
        place = (study, job.experiment, job.ablation, job.scene, job.object, job.seed)
        other = seen.setdefault(place, job)
        if other.overrides != job.overrides:
            differ = next(a for a, b in zip(job.overrides, other.overrides, strict=True) if a != b)
            raise ValueError(
                f"{job.label} is asked for twice, the second time with {differ}, and both would write the same folder: "
                "sweep over experiment, ablation, scene.root, object and seed, or give each value its own study="
            )


def _check_truth(groups: Sequence["_Group"]) -> None:
    """See `check_coverage`, for all objects of the sweep that share a `groundtruth=`."""
    for given in dict.fromkeys(str(group.job.config.groundtruth) for group in groups):
        own = [group for group in groups if str(group.job.config.groundtruth) == given]
        asked = [(group.scene.name, group.truth, kept) for group in own for kept in group.asked]
        check_coverage(own[0].job, dict.fromkeys(asked))


def combinations(arguments: Sequence[str]) -> list[dict[str, str]]:
    """Every combination of comma-separated values, as key -> the text of its override. The last key varies fastest."""
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        axes: dict[str, list[str]] = {}
        for override in parser.parse_overrides(list(arguments)):
            key = override.get_key_element()
            if not override.is_sweep_override():
                axes[key] = [str(override.input_line)]
            elif override.is_discrete_sweep():
                axes[key] = [f"{key}={text}" for text in override.sweep_string_iterator()]
            else:
                raise ValueError(f"{override.input_line}: a sweep needs a list of values, such as {key}=1,2")
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]


@dataclass(frozen=True)
class _Asked:
    """One combination of the command line."""

    stage: str
    texts: dict[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(text for key, text in self.texts.items() if key not in CHEAP)

    def value(self, key: str) -> Any:
        return _parsed(self.texts[key])

    def overrides(self, **others: str) -> tuple[str, ...]:
        """The command line of this one job; `others` replace what stands there."""
        texts = self.texts | {key: f"{key}={value}" for key, value in others.items()}
        return tuple(texts.values())


@dataclass
class _Planner:
    stage: str
    estimates: Estimates
    groups: dict[tuple[Any, ...], "_Group"] = field(default_factory=dict)
    truths: dict[tuple[str, int], str] = field(default_factory=dict)
    paid: set[Path] = field(default_factory=set)
    """Manifests of preparations that an earlier job of the plan makes."""

    def __call__(self, asked: _Asked, base: Job) -> list[Planned]:
        seed = asked.value("seed") if "seed" in asked.texts else base.config.seed
        if self.stage not in PER_OBJECT:
            told = (base.experiment, base.ablation, f"study {base.config.study}", "-", "", str(seed), "new", "")
            return [Planned(asked.overrides(), *told)]
        key = (asked.key, asked.texts.get("scene.root"))
        if key not in self.groups:
            self.groups[key] = self._group(asked, base)
        group = self.groups[key]
        request = asked.value("object") if "object" in asked.texts else base.config.object
        chosen = wanted(group.selection, request).kept
        group.asked.update(dict.fromkeys(chosen))
        return [self._planned(asked, group, kept, seed) for kept in chosen]

    def _group(self, asked: _Asked, base: Job) -> "_Group":
        config = base.config.copy()
        if "scene.root" in asked.texts:
            config.scene.root = asked.value("scene.root")
        job = replace(base, config=config)
        scene = opened_scene(job)
        return _Group(job, scene, select(job, scene), self.truths)

    def _planned(self, asked: _Asked, group: "_Group", kept: Kept, seed: int) -> Planned:
        job, scene = group.job, group.scene.name
        state, note = group.state(kept, seed) if self.stage in SCORED else ("new", "")
        manifest = group.prepared(kept)
        prepares = not manifest.is_file() and manifest not in self.paid
        self.paid.add(manifest)
        return Planned(
            overrides=asked.overrides(object=str(kept.id)),
            experiment=job.experiment,
            ablation=job.ablation,
            scene=scene,
            object=str(kept.id),
            category=kept.category,
            seed=str(seed),
            state=state,
            note=note,
            seconds=self.estimates(job.experiment, job.ablation, scene, str(kept.id), prepares=prepares),
            prepares=prepares,
        )


@dataclass
class _Group:
    """The runs of one config on one scene, which differ in object and seed."""

    job: Job
    scene: Scene
    selection: Selection
    truths: dict[tuple[str, int], str]
    asked: dict[Kept, None] = field(default_factory=dict)
    """Objects of the sweep, in order."""
    made: dict[int, Prepared] = field(default_factory=dict)
    """By object, what lies in its prepared folder."""

    @cached_property
    def scene_identity(self) -> str:
        return scene_identity(self.job, self.scene)

    @cached_property
    def poses(self) -> dict[str, str]:
        source: PoseSource = build(self.job.config.poses)
        return source.inputs()

    @cached_property
    def beside(self) -> list["_Group"]:
        """The baselines of the same command."""
        if self.job.stage != "run":
            return []
        return [_Group(job, self.scene, self.selection, self.truths) for job in companions(self.job)]

    @cached_property
    def truth(self) -> Path | None:
        return truth_folder(self.job, self.scene)

    @cached_property
    def config(self) -> dict[str, Any]:
        content = OmegaConf.to_container(self.job.config, resolve=True)
        assert isinstance(content, dict)
        return {str(k): v for k, v in content.items()}

    @cached_property
    def results(self) -> Path:
        return self.job.scene_folder(self.scene.name)

    @cached_property
    def work(self) -> Path:
        return self.job.prepared_folder(self.scene.name, 0).parent

    def prepared(self, kept: Kept) -> Path:
        return self.work / str(kept.id) / MANIFESTS["cues"]

    def state(self, kept: Kept, seed: int) -> tuple[str, str]:
        """State and note of one run; a finished one whose baselines are missing is unfinished."""
        state, note = self._own_state(kept, seed)
        if state != "ok" or (is_auto(self.job) and not truth_files(self.truth, kept.id)):
            return state, note
        for other in self.beside:
            if other._own_state(kept, other.config["seed"])[0] not in ("ok", "failed"):
                return "unfinished", f"baseline {other.job.experiment} is still to do"
        return state, note

    def _own_state(self, kept: Kept, seed: int) -> tuple[str, str]:
        return run_state(
            self.results / str(kept.id) / f"seed_{seed}",
            lambda: self.config | {"seed": seed},
            truth=lambda: self._fingerprint(kept.id),
            outside=lambda result: self._changed_outside(kept.id, result),
        )

    def _changed_outside(self, object_id: int, result: dict[str, Any]) -> str:
        if object_id not in self.made:
            configs = {name: self.config[name] for name in MANIFESTS}
            configs["objects"] = for_object(configs["objects"], object_id)
            self.made[object_id] = prepared_with(configs, self.work / str(object_id))
        return changed_outside(result, self.made[object_id], scene=self.scene_identity, poses=self.poses)

    def _fingerprint(self, object_id: int) -> str:
        key = (str(self.truth), object_id)
        if key not in self.truths:
            self.truths[key] = fingerprint_of_files(truth_files(self.truth, object_id))
        return self.truths[key]


@cache
def _parsed(text: str) -> Any:
    """The value of one override."""
    return OverridesParser.create().parse_override(text).value()


def _composed(stage: str, overrides: tuple[str, ...]) -> Job:
    config = composed(stage, overrides, with_hydra=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return Job(config=config, **choices_of({str(k): v for k, v in choices.items()}))
