"""The stage `convert`: a capture, as the pipeline sees it, written in another layout."""

import shlex
import shutil
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.convert_objects import ObjectWriter, convert_objects
from o2recon.cli.job import Job
from o2recon.cli.opening import captured_scene, opened_scene
from o2recon.cli.space import check_space, converted
from o2recon.cli.truth import is_observed, truth_folder
from o2recon.scene import Scene
from o2recon.scene.annotation import NOTES, annotation_files
from o2recon.scene.converted import read_notes
from o2recon.scene.painted import SKETCH_SUFFIX
from o2recon.workspace import write_image


def run(job: Job) -> Path:
    """Write the capture and say how to run on the result; gives its folder. ValueError for bad input."""
    if OmegaConf.is_missing(job.config.convert, "root"):
        raise ValueError("convert.root is needed: add convert.root=FOLDER, the folder to write, to the command")
    root = Path(str(job.config.convert.root)).expanduser()
    job.config.convert.root = str(root)
    writer = build(job.config.convert)
    if isinstance(writer, ObjectWriter):
        convert_objects(job, writer)
        return root
    scene = _asked_for(job)
    check_space(converted(scene, root))
    truth = truth_folder(job, scene)
    writer(scene)
    _copy_truth(truth, root)
    _copy_sketches(scene, root)
    print(_next_command(root, len(scene.indices)))
    return root


def _asked_for(job: Job) -> Scene:
    """The capture, with depth and ids from elsewhere only where that was chosen: it may have neither."""
    chosen = HydraConfig.get().runtime.choices
    return captured_scene(job) if chosen["depth"] == chosen["instances"] == "given" else opened_scene(job)


def _copy_truth(truth: Path | None, root: Path) -> None:
    """The true meshes beside the frames, so that what is made of the copy can be scored like what is made of it.

    Not what was made of ScanNet's annotation where that itself is in the copy."""
    if truth is None or not root.is_dir() or (is_observed(truth) and annotation_files(root)):
        return
    shutil.copytree(truth, root / "groundtruth", dirs_exist_ok=True, ignore=shutil.ignore_patterns(NOTES))


def _copy_sketches(scene: Scene, root: Path) -> None:
    """The capture's own painted masks, on the images that were written."""
    for folder in sorted((scene.root / "sketches").glob("*")):
        if folder.name.isdigit() and root.is_dir():
            for view, mask in scene.sketches(int(folder.name)).items():
                write_image(root / "sketches" / folder.name / f"{view}{SKETCH_SUFFIX}.png", mask)


def _next_command(root: Path, frames: int) -> str:
    notes = read_notes(root) or {}
    layout = notes.get("layout", HydraConfig.get().runtime.choices["convert"])
    command = ["o2recon", "run", f"scene={layout}", f"scene.root={root}", *notes.get("options", []), "object=all"]
    return f"{frames} frames are in {root}. Run on them: {shlex.join(command)}"
