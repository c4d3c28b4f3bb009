"""Everything before training: each stage runs when its config or its inputs changed, and is skipped otherwise."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from o2recon.cli.build import build
from o2recon.cli.errors import MissingStage
from o2recon.cli.job import Job
from o2recon.cli.selection import for_object
from o2recon.files import remove_partial
from o2recon.manifest import altered, is_current, stage_fingerprint, watch, write_manifest
from o2recon.scene import Kept, Scene
from o2recon.sweep import changes, exclusive, shared
from o2recon.workspace import ObjectFolder

if TYPE_CHECKING:  # it loads torch, which a sweep is planned without
    from o2recon.poses import Source as PoseSource

logger = logging.getLogger(__name__)

MANIFESTS = {
    "objects": "manifest.json",
    "volume": "volume.manifest.json",
    "masks": "masks/manifest.json",
    "inpaint": "inpainted/manifest.json",
    "cues": "cues/manifest.json",
}
OUTPUTS = {"objects": ("object.json", "images", "depth", "masks/visible"), "volume": ("hull.npz",)}
"""What a stage writes beside its manifest; the others write to the manifest's folder and below."""
WATCHING = ("masks", "cues")
"""Stages that read files which people put there."""
UNCHECKED = {"masks": ("cache", "manifest.json", "visible")}


@dataclass(frozen=True)
class Step:
    """One stage for one object: what it is made from, and the manifest that says so when it is done."""

    name: str
    manifest: Path
    config: Any
    inputs: dict[str, str]

    @property
    def fingerprint(self) -> str:
        return stage_fingerprint(self.name, self.config, self.inputs)

    @property
    def is_current(self) -> bool:
        return is_current(self.manifest, stage=self.name, config=self.config, inputs=self.inputs)

    @property
    def outputs(self) -> list[Path]:
        """The files that the stage wrote, without what it keeps for another time."""
        root = self.manifest.parent
        paths = [root / name for name in OUTPUTS[self.name]] if self.name in OUTPUTS else list(root.iterdir())
        kept = [path for path in paths if path.name not in UNCHECKED.get(self.name, ("cache", "manifest.json"))]
        return [f for path in kept for f in (path.rglob("*") if path.is_dir() else [path]) if f.is_file()]

    def notes(self) -> dict[str, Any]:
        """What the stage wrote down when it ran."""
        return dict(json.loads(self.manifest.read_text())["notes"])


class Preparation:
    """The stages from the scene to the cues, for the objects of one scene."""

    def __init__(self, job: Job, scene: Scene) -> None:
        self._job, self._scene = job, scene
        self._scene_identity = scene_identity(job, scene)
        self._stages = {name: build(job.config[name]) for name in MANIFESTS}
        self._poses: PoseSource = build(job.config.poses)
        self._stages["objects"].on(job.device)
        self._stages["inpaint"].on(job.device, seed=job.config.seed)
        self._stages["cues"].on(job.device)

    def folder(self, object_id: int) -> ObjectFolder:
        return ObjectFolder(self._job.prepared_folder(self._scene.name, object_id))

    def scene(self, kept: Kept) -> Scene:
        """The scene as the object's stages see it: with poses refined for it, where that is asked for."""
        folder = Path(self._job.config.work) / self._scene.name / "poses"
        return self._poses(self._scene, folder, object_id=kept.id, frames=kept.frames)

    def steps(self, kept: Kept) -> list[Step]:
        """The stages of one object in order; each has the fingerprint of the one before among its inputs."""
        root = self.folder(kept.id).path
        inputs = {
            "scene": self._scene_identity,
            "object": f"{kept.id} {kept.category}",
        } | self._poses.inputs()
        steps: list[Step] = []
        for name, manifest in MANIFESTS.items():
            config = self._job.plain(name)
            if name == "objects":
                config = for_object(config, kept.id)
            if name in ("objects", "masks", "inpaint", "cues"):  # sketches, networks of this machine, precomputed maps
                inputs = inputs | self._stages[name].inputs(self.folder(kept.id))
            steps.append(Step(name, root / manifest, config, inputs))
            inputs = {name: steps[-1].fingerprint}
        return steps

    def fingerprint(self, kept: Kept) -> str:
        """Identifies the prepared data of one object, whether they exist already or not."""
        return self.steps(kept)[-1].fingerprint

    def is_damaged(self, kept: Kept) -> bool:
        """Whether prepared files are not as their stages left them; only where sizes or dates differ, by contents."""
        return any(s.is_current and altered(s.manifest, quick=True) is not None for s in self.steps(kept))

    def sources(self, kept: Kept) -> dict[str, dict[str, str]]:
        """What each stage is made from beside its options and the stage before, where there is something."""
        own = {step.name: {k: v for k, v in step.inputs.items() if k not in MANIFESTS} for step in self.steps(kept)}
        return {stage: sources for stage, sources in own.items() if sources}

    @contextmanager
    def ready(self, kept: Kept, *, build: bool, last: str = "cues") -> Iterator[dict[str, Any]]:
        """Prepared data that nobody changes meanwhile; yields the notes of every stage.

        What is not current is made first when `build`, else it is a MissingStage. Stages after `last` do not matter.
        """
        steps = self.steps(kept)[: list(MANIFESTS).index(last) + 1]
        root = self.folder(kept.id).path
        again = build and self._job.config.retry == "all"
        if steps[0].manifest.is_file():
            with shared(root):
                _distrust(steps)
        while True:
            if again or not all(step.is_current for step in steps):
                if not build:
                    raise MissingStage(_outdated(steps, root))
                with exclusive(root, wait=True):
                    remove_partial(root)
                    self._build(kept, steps, again=again)
                again = False
            with shared(root):
                if all(step.is_current for step in steps):
                    yield {step.name: step.notes() for step in steps}
                    return

    def _build(self, kept: Kept, steps: list[Step], *, again: bool) -> None:
        folder = self.folder(kept.id)
        if steps[-1].name == "cues":
            self._stages["cues"].require(folder)
        for i, step in enumerate(steps):
            if step.is_current and not again:
                continue
            for later in steps[i:]:
                later.manifest.unlink(missing_ok=True)
            logger.info("object %d (%s): %s", kept.id, kept.category, step.name)
            watched = watch(step.manifest, self._stages[step.name].watched(folder)) if step.name in WATCHING else {}
            notes, seconds = timed(lambda name=step.name: self._call(name, folder, kept))  # type: ignore[misc]
            notes = {**(notes or {}), "seconds": round(seconds, 2)}
            write_manifest(
                step.manifest,
                stage=step.name,
                config=step.config,
                inputs=step.inputs,
                notes=notes,
                outputs=step.outputs,
                watched=watched,
            )

    def _call(self, name: str, folder: ObjectFolder, kept: Kept) -> dict[str, Any] | None:
        stage = self._stages[name]
        scene = self.scene(kept)
        return stage(scene, folder, kept) if name == "objects" else stage(scene, folder)


def scene_identity(job: Job, scene: Scene) -> str:
    """Identifies the files of the scan and how they are read."""
    reader = {k: v for k, v in job.plain("scene").items() if k != "root"}
    return stage_fingerprint("scene", reader, {"files": scene.fingerprint()})


def _distrust(steps: list[Step]) -> None:
    """Take the manifest of a stage whose files are not as it left them, so that it runs again."""
    for step in steps:
        if step.is_current and (what := altered(step.manifest)) is not None:
            logger.warning("%s since '%s' wrote it: that stage and those after it run again", what, step.name)
            step.manifest.unlink(missing_ok=True)  # another process may see the same
            return


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Result and seconds of a call."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def _outdated(steps: list[Step], root: Path) -> str:
    step = next(step for step in steps if not step.is_current)
    if not step.manifest.is_file():
        return f"{root} is not prepared ({step.name} is missing): run 'o2recon prepare' with the same options first"
    before = json.loads(step.manifest.read_text())
    differences = changes({"config": before["config"], **before["inputs"]}, {"config": step.config, **step.inputs})
    shown = "; ".join(differences[:3]) or "another version of the package"
    return f"{root} was prepared with other options or inputs ({shown}): run 'o2recon prepare' with these options first"
