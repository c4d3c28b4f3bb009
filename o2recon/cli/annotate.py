"""The stage `annotate`: one object's page for painting what is hidden, prepared as far as that needs."""

import shlex

from hydra.core.hydra_config import HydraConfig

from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.cli.opening import opened_scene
from o2recon.cli.prepare import Preparation
from o2recon.cli.selection import select, wanted
from o2recon.scene import Kept, Selection


def run(job: Job) -> None:
    """Serve the page of `object=` until Ctrl-C.

    What is not prepared, or with other options, is prepared first. Nothing stays locked while the page is open, so runs
    may go on beside it.
    """
    annotator = build(job.config.annotate)
    scene = opened_scene(job)
    kept = _one(select(job, scene), job)
    preparation = Preparation(job, scene)
    with preparation.ready(kept, build=True, last="volume"):
        folder = preparation.folder(kept.id)
        session = annotator.load(
            preparation.scene(kept), folder, build(job.config.masks), continue_with=_run_command(kept)
        )
    annotator.serve(session)


def _one(selection: Selection, job: Job) -> Kept:
    """ValueError unless exactly one object is asked for."""
    kept = wanted(selection, job.config.object).kept
    if len(kept) != 1:
        known = ", ".join(f"{k.id} ({k.category})" for k in selection.kept)
        raise ValueError(f"annotate shows one object at a time: add object=ID, one of {known}")
    return kept[0]


def _run_command(kept: Kept) -> str:
    """The command that reconstructs the object from what is painted, with the options given here."""
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    own = [o for o in given if not o.startswith(("stage=", "object=", "annotate.", "annotate="))]
    return shlex.join(["o2recon", "run", *own, f"object={kept.id}"])
