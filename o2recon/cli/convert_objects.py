"""Layouts of single objects: written from prepared data, which are made first where they are not there."""

import shlex
import shutil
from pathlib import Path
from typing import Protocol, runtime_checkable

from o2recon.cli.job import Job
from o2recon.cli.opening import opened_scene
from o2recon.cli.prepare import Preparation
from o2recon.cli.selection import select, wanted
from o2recon.cli.truth import truth_files, truth_folder
from o2recon.scene import Scene
from o2recon.workspace import ObjectFolder


@runtime_checkable
class ObjectWriter(Protocol):
    """A writer that takes prepared objects instead of a scene. `layout`: what reads its folders again (scene=)."""

    layout: str

    def __call__(self, folder: ObjectFolder) -> Path: ...


def convert_objects(job: Job, writer: ObjectWriter) -> None:
    """Write the objects asked for and say how to run on each. ValueError for bad input."""
    scene = opened_scene(job)
    objects = wanted(select(job, scene), job.config.object).kept
    preparation = Preparation(job, scene)
    for kept in objects:
        with preparation.ready(kept, build=True):
            out = writer(preparation.folder(kept.id))
        _copy_truth(job, scene, kept.id, out)
        command = shlex.join(["o2recon", "run", f"scene={writer.layout}", f"scene.root={out}"])
        print(f"object {kept.id} ({kept.category}) is in {out}. Run on it: {command}")


def _copy_truth(job: Job, scene: Scene, object_id: int, folder: Path) -> None:
    """The object's true mesh beside its views, so that what is made of the copy can be scored."""
    for file in truth_files(truth_folder(job, scene), object_id):
        (folder / "groundtruth").mkdir(exist_ok=True)
        shutil.copyfile(file, folder / "groundtruth" / file.name)
