"""The stages `run`, `prepare`, `train`, `mesh` and `evaluate`: the same chain, cut to what is asked for."""

import importlib
import logging
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table

from o2recon.check import Report
from o2recon.cli.chain import Chain, Outcome
from o2recon.cli.checking import checked, pictured
from o2recon.cli.companions import companions, is_auto
from o2recon.cli.errors import ObjectsFailed, WorkedOnElsewhere
from o2recon.cli.job import Job
from o2recon.cli.opening import opened_scene
from o2recon.cli.reasons import told_together
from o2recon.cli.report import run as write_report
from o2recon.cli.selection import Wanted, select, wanted
from o2recon.cli.space import check_space, needs
from o2recon.cli.table import STAGES
from o2recon.cli.truth import check_truth, truth_files, truth_folder
from o2recon.evaluate.truth import OBSERVED_SURFACE
from o2recon.machine import answers, give_memory_back
from o2recon.mesh import write_scene
from o2recon.scene import Kept, Scene, Selection
from o2recon.sweep import read_result

logger = logging.getLogger(__name__)

PARTS = {
    "run": (True, ("train", "mesh", "evaluate")),
    "demo": (True, ("train", "mesh", "evaluate")),
    "prepare": (True, ()),
    "train": (False, ("train",)),
    "mesh": (False, ("mesh",)),
    "evaluate": (False, ("evaluate",)),
}
"""Stage -> whether it prepares, and what it does after the preparation."""
SCORES = {
    "Chamfer cm": ("complete", "chamfer_cm"),
    "F 5 cm": ("complete", "f_score_5cm"),
    "hidden F 5 cm": ("hidden", "f_score_5cm"),
    "IoU": ("complete", "iou"),
}
OBSERVED_SCORES = {
    "complet. cm": ("complete", "completeness_cm"),
    "recall 5 cm": ("complete", "recall_5cm"),
    "original F 5 cm": ("o2recon_protocol", "f_score_5cm"),
}
"""Column -> part and key of the metrics; what there is to say where only observed surface is known."""


def run(job: Job) -> list[dict[str, Any]]:
    """Run the job's stage for every object asked for, one after the other, and print a table at the end.

    Stages that go from the scan to the report then do the same for every baseline of `baselines=`. Returns the results,
    those of the baselines last. ValueError for bad input; ObjectsFailed when some object failed in the experiment asked
    for, WorkedOnElsewhere when this is a job of a sweep and another process has its object. A baseline's failure is one
    of its results, listed like any other, but not a failure of the command.
    """
    scene = opened_scene(job)
    prepares = PARTS[job.stage][0]
    beside = companions(job) if job.stage in ("run", "demo") else []
    report = checked(job, scene) if prepares else None
    selection = select(job, scene)
    if prepares:
        pictured(job, scene, selection, report)
    console = Console()
    if job.stage == "prepare":
        console.print(selection.table())
        _print_skipped(scene, console)
    elif prepares and job.config.object == "all":
        print_dropped(selection, console)
    asked = wanted(selection, job.config.object)
    if job.config.sweep.job:
        asked = replace(asked, one=False)
    elif PARTS[job.stage][1]:
        check_truth(job, scene, asked.kept)
    compared = _with_truth(job, scene, asked) if is_auto(job) else asked
    check_space(needs(job, scene, asked.kept, *PARTS[job.stage], beside=beside, compared=compared.kept))
    outcomes = _outcomes(job, scene, asked, console)
    others: list[Outcome] = []
    for other in beside if compared.kept else ():
        simple = _outcomes(other, scene, compared, console)
        others += simple
        if any(o.failed for o in simple):
            logger.warning("baseline %s failed: %s", other.experiment, _failures(simple))
    if job.stage == "prepare":
        _print_next(job, scene, asked.kept, report)
    if job.config.reports and job.stage in ("run", "demo"):
        write_report(job)
    if job.config.exports and job.stage in ("run", "demo"):
        done = [o.kept for o in outcomes if o.state in ("ok", "current") and not o.failed]
        importlib.import_module(STAGES["export"].module).exported(job, scene, done)
    results = [o.result for o in (*outcomes, *others)]
    if job.config.sweep.job and any(o.state == "busy" for o in outcomes):
        raise WorkedOnElsewhere("another process works on it: 'o2recon status' shows when it is done")
    if any(o.failed for o in outcomes):
        if job.config.sweep.job and len(asked.kept) == 1:  # whose sweep says which one
            raise ObjectsFailed(str(outcomes[0].result["error"]), results)
        failed, untried = sum(o.failed for o in outcomes), len(asked.kept) - len(outcomes)
        told = f"{failed} of {len(asked.kept)} objects failed: {_failures(outcomes)}"
        raise ObjectsFailed(told + (f"; {untried} were not tried" if untried else ""), results)
    return results


def _outcomes(job: Job, scene: Scene, asked: Wanted, console: Console) -> list[Outcome]:
    """The job's chain for every object, its `scene.glb` and its table."""
    prepares, fits = PARTS[job.stage]
    chain = Chain(job, scene, prepares=prepares, fits=fits)
    outcomes = _one_after_the_other(chain, asked, job.device)
    scored = fits[-1:] == ("evaluate",)
    if scored:
        _write_scene(job, scene, outcomes)
    console.print(_table(f"{scene.name}: {job.experiment}", outcomes, scored=scored))
    return outcomes


def _one_after_the_other(chain: Chain, asked: Wanted, device: str) -> list[Outcome]:
    """The chain for every object; until the device fails in a way that this process cannot recover from."""
    outcomes: list[Outcome] = []
    for kept in asked.kept:
        outcomes.append(chain(kept, one=asked.one))
        if outcomes[-1].failed:
            give_memory_back()
            if not answers(device):
                logger.error("%s does not answer any more: the same command goes on with the other objects", device)
                break
    return outcomes


def _with_truth(job: Job, scene: Scene, asked: Wanted) -> Wanted:
    """Those of the objects asked for whose truth is known."""
    folder = truth_folder(job, scene)
    return replace(asked, kept=tuple(kept for kept in asked.kept if truth_files(folder, kept.id)))


def _failures(outcomes: list[Outcome]) -> str:
    """The failed objects with their reasons."""
    return told_together([(f"{o.kept.id} ({o.kept.category})", str(o.result["error"])) for o in outcomes if o.failed])


def _write_scene(job: Job, scene: Scene, outcomes: list[Outcome]) -> None:
    """`scene.glb` with all objects in place: those of this command and, since a sweep does one a time, earlier ones."""
    folder = job.scene_folder(scene.name)
    found = {file.parent: read_result(file.parent) for file in folder.glob(f"*/seed_{job.config.seed}/mesh.ply")}
    categories = {p: r.get("category") for p, r in found.items() if r is not None and r.get("status") == "ok"}
    categories |= {o.folder: o.kept.category for o in outcomes if not o.failed}
    files = [(f"{p.parent.name}_{category}", p / "mesh.ply") for p, category in categories.items()]
    files = [(name, file) for name, file in files if file.is_file()]
    if files:
        write_scene(folder / "scene.glb", sorted(files, key=lambda named: int(named[0].partition("_")[0])))


def print_dropped(selection: Selection, console: Console) -> None:
    """Name every object that did not pass the filters, and why."""
    for dropped in selection.dropped:
        console.print(f"object {dropped.id} ({dropped.category}) is dropped: {dropped.reason}", soft_wrap=True)


def _print_next(job: Job, scene: Scene, kept: tuple[Kept, ...], report: Report | None) -> None:
    """Where the prepared data are, and what to do with them; before that, whether the check had doubts."""
    if report is not None and report.level == "doubtful":
        print(f"the check has doubts: {'; '.join(finding.line() for finding in report.worst())}")
    folders = [job.prepared_folder(scene.name, one.id) for one in kept]
    print(f"prepared data: {folders[0] if len(folders) == 1 else f'{folders[0].parent}/<object>'}")
    print("next, with the same options: 'o2recon run', or 'o2recon annotate' to paint what is hidden of an object")


def _print_skipped(scene: Scene, console: Console) -> None:
    for index, reason in sorted(scene.skipped.items()):
        console.print(f"skipped frame {index}: {reason}")


def _table(title: str, outcomes: list[Outcome], *, scored: bool) -> Table:
    kinds = {o.result.get("truth") for o in outcomes} - {None}
    observed = OBSERVED_SURFACE in kinds
    columns = {**({} if kinds == {OBSERVED_SURFACE} else SCORES), **(OBSERVED_SCORES if observed else {})}
    columns = columns if scored else {}
    caption = "truth: only the surface that the scan observed; what is hidden has no score" if observed else None
    table = Table(title=title, caption=caption)
    table.add_column("object", justify="right")
    table.add_column("category")
    table.add_column("status")
    for name in (*columns, "seconds"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        metrics = outcome.result.get("metrics") or {}
        values = [(metrics.get(part) or {}).get(key) for part, key in columns.values()]
        seconds = sum((outcome.result.get("seconds") or {}).values())
        shown = ["-" if v is None else f"{v:.2f}" for v in values]
        state = "failed" if outcome.failed else outcome.state
        table.add_row(str(outcome.kept.id), outcome.kept.category, state, *shown, f"{seconds:.0f}")
    return table
