"""Where the truth of a scene's objects lies, and whether it can be used. Loads little: sweeps are planned with it."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from o2recon.cli.job import Job
from o2recon.scene import Kept, Scene
from o2recon.scene.annotation import NOTES, annotation_files, is_made_from

logger = logging.getLogger(__name__)
OBSERVED = "observed"
"""Folder in `work/<scene>/`: ScanNet's points of every object, which are only what the scan observed."""
OWN_IDS = "o2recon.scene.GivenIds"


def truth_folder(job: Job, scene: Scene) -> Path | None:
    """The folder of `<object>.ply`: of `groundtruth=`, else the scene's own `groundtruth/`, else made of ScanNet's
    annotation in the scan; None when there is none of them for this scene.

    True meshes are in the world of the capture's own files; where that is not ours, the folder is a moved copy.
    ValueError when `groundtruth=` is no folder or holds no truth that is known, or what has to be copied is damaged.
    """
    is_given = job.config.groundtruth is not None
    folder = _given(job, scene) if is_given else scene.groundtruth or _annotated(job, scene)
    if folder is None or (scene.capture_to_world == np.eye(4)).all():
        return folder
    from o2recon.evaluate.truth_moved import moved_truth  # loads what reads meshes, which a plan does without

    return moved_truth(folder, scene.capture_to_world, Path(job.config.work) / scene.name / "groundtruth")


def truth_files(folder: Path | None, object_id: int) -> list[Path]:
    """The files in a folder of truth that say what this object really is."""
    names = (f"{object_id}.ply", f"{object_id}_points.npz")
    return [] if folder is None else [folder / name for name in names if (folder / name).is_file()]


def is_observed(folder: Path) -> bool:
    """Whether a folder of truth was made of ScanNet's points, and not given."""
    return folder.name == OBSERVED and (folder / NOTES).is_file()


def check_truth(job: Job, scene: Scene, kept: Sequence[Kept]) -> None:
    """Asked before anything is made of these objects.

    ValueError when `groundtruth=` has no truth of any of them, or the truth of one cannot be read; a warning names
    those without.
    """
    folder = truth_folder(job, scene)
    check_coverage(job, [(scene.name, folder, one) for one in kept])
    having = [one.id for one in kept if truth_files(folder, one.id)]
    if not having:
        return
    from o2recon.evaluate import load_truth

    assert folder is not None
    if any([load_truth(folder, object_id, count=1).observed_only for object_id in having]):
        told = "the truth is only surface that the scan observed: recall and completeness say how much of it is there"
        logger.info("%s: %s (%s)", scene.name, told, folder)


def check_coverage(job: Job, asked: Iterable[tuple[str, Path | None, Kept]]) -> None:
    """ValueError when `groundtruth=` has no truth of any of the objects (scene, folder of its truth, object); a warning
    names those without, when there are some."""
    if job.config.groundtruth is None:
        return
    without: dict[str, list[str]] = {}
    known = False
    for scene, folder, one in asked:
        if truth_files(folder, one.id):
            known = True
        else:
            without.setdefault(scene, []).append(f"{one.id} ({one.category})")
    told = "; ".join(f"{scene}: object {', '.join(objects)}" for scene, objects in without.items())
    if without and not known:
        raise ValueError(
            f"groundtruth={job.config.groundtruth} has no truth of {told}: name the folder that holds <object>.ply of"
            " this scene, or leave groundtruth= out"
        )
    if without:
        logger.warning("groundtruth=%s has no truth of %s: no scores for them", job.config.groundtruth, told)


def _given(job: Job, scene: Scene) -> Path | None:
    """What `groundtruth=` names: the folder itself, or what it holds of this scene, by its name, in a layout that
    compare takes; None when it is of other scenes."""
    folder = Path(str(job.config.groundtruth)).expanduser()
    if not folder.is_dir():
        raise ValueError(f"groundtruth={folder} is no folder: name the folder that holds <object>.ply")
    if any(f.suffix == ".ply" and f.stem.isdigit() for f in folder.iterdir()):
        return folder
    from o2recon.evaluate.truth_folders import CAD, OWN, TruthFolders, observed_truth

    found = TruthFolders([folder], _observed(job, scene)).found(scene.name, alone=False)
    kind = next(iter(found), CAD)
    if kind == CAD:
        return None
    return found[kind] if kind == OWN else observed_truth(kind, found[kind], _observed(job, scene))


def _annotated(job: Job, scene: Scene) -> Path | None:
    """Points of the objects that ScanNet's annotation in the scan knows; its ids are those of the scan's own images."""
    if job.config.instances._target_ != OWN_IDS:
        return None
    root = scene.root if scene.root.is_dir() else scene.root.parent
    files = annotation_files(root)
    if not files or is_made_from(_observed(job, scene), files):
        return _observed(job, scene) if files else None
    from o2recon.evaluate.truth_folders import ANNOTATION, observed_truth

    return observed_truth(ANNOTATION, root, _observed(job, scene))


def _observed(job: Job, scene: Scene) -> Path:
    return Path(job.config.work) / scene.name / OBSERVED
