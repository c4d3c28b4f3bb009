"""The stages `run`, `prepare`, `train`, `mesh` and `evaluate`: the same chain, cut to what is asked for."""

import logging
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from o2recon.cli.build import build
from o2recon.cli.chain import Chain, Outcome
from o2recon.cli.errors import ObjectsFailed
from o2recon.cli.job import Job
from o2recon.cli.report import run as write_report
from o2recon.cli.selection import select, wanted
from o2recon.mesh import write_scene
from o2recon.objects import Selection
from o2recon.scene import Scene

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


def run(job: Job) -> list[dict[str, Any]]:
    """Run the job's stage for every object asked for, one after the other, and print a table at the end.

    Returns the results. ValueError for bad input; ObjectsFailed when some object failed.
    """
    scene = opened_scene(job)
    prepares, fits = PARTS[job.stage]
    selection = select(job, scene)
    console = Console()
    if job.stage == "prepare":
        console.print(selection.table())
        _print_skipped(scene, console)
    elif prepares and job.config.object == "all":
        print_dropped(selection, console)
    asked = wanted(selection, job.config.object)
    chain = Chain(job, scene, prepares=prepares, fits=fits)
    outcomes = [chain(kept, one=asked.one) for kept in asked.kept]
    if fits[-1:] == ("evaluate",):
        _write_scene(job, scene, outcomes)
    console.print(_table(scene.name, outcomes, scored=fits[-1:] == ("evaluate",)))
    if job.stage in ("run", "demo"):
        write_report(job)
    failed = [o for o in outcomes if o.failed]
    results = [o.result for o in outcomes]
    if failed:
        listed = "; ".join(f"{o.kept.id} ({o.kept.category}): {o.result['error']}" for o in failed)
        raise ObjectsFailed(f"{len(failed)} of {len(outcomes)} objects failed: {listed}", results)
    return results


def opened_scene(job: Job) -> Scene:
    """The scene reader that the config names. ValueError without `scene.root`."""
    if OmegaConf.is_missing(job.config.scene, "root"):
        raise ValueError("scene.root is needed: add scene.root=FOLDER, the scan's folder, to the command")
    scene: Scene = build(job.config.scene)
    return scene


def _write_scene(job: Job, scene: Scene, outcomes: list[Outcome]) -> None:
    """`scene.glb` with all objects of this run in place."""
    files = [(f"{o.kept.id}_{o.kept.category}", o.folder / "mesh.ply") for o in outcomes if not o.failed]
    files = [(name, file) for name, file in files if file.is_file()]
    if files:
        write_scene(job.scene_folder(scene.name) / "scene.glb", files)


def print_dropped(selection: Selection, console: Console) -> None:
    """Name every object that did not pass the filters, and why."""
    for dropped in selection.dropped:
        console.print(f"object {dropped.id} ({dropped.category}) is dropped: {dropped.reason}", soft_wrap=True)


def _print_skipped(scene: Scene, console: Console) -> None:
    for index, reason in sorted(scene.skipped.items()):
        console.print(f"skipped frame {index}: {reason}")


def _table(scene: str, outcomes: list[Outcome], *, scored: bool) -> Table:
    table = Table(title=scene)
    table.add_column("object", justify="right")
    table.add_column("category")
    table.add_column("status")
    columns = {"Chamfer cm": ("complete", "chamfer_cm"), "F 5 cm": ("complete", "f_score_5cm")}
    columns |= {"hidden F 5 cm": ("hidden", "f_score_5cm"), "IoU": ("complete", "iou")}
    for name in (*(columns if scored else ()), "seconds"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        metrics = outcome.result.get("metrics") or {}
        values = [(metrics.get(part) or {}).get(key) for part, key in columns.values()] if scored else []
        seconds = sum((outcome.result.get("seconds") or {}).values())
        shown = ["-" if v is None else f"{v:.2f}" for v in values]
        state = "failed" if outcome.failed else outcome.state
        table.add_row(str(outcome.kept.id), outcome.kept.category, state, *shown, f"{seconds:.0f}")
    return table
