"""Where the truth of a scene's objects lies."""

from pathlib import Path

import numpy as np

from o2recon.cli.job import Job
from o2recon.scene import Scene


def truth_folder(job: Job, scene: Scene) -> Path | None:
    """`groundtruth=`, else the scene's own folder; None when there is neither. ValueError when it is no folder.

    True meshes are in the world of the capture's own files; where that is not ours, the folder is a moved copy.
    """
    folder = scene.groundtruth if job.config.groundtruth is None else Path(job.config.groundtruth)
    if folder is None:
        return None
    if not folder.is_dir():
        raise ValueError(f"groundtruth={folder} is no folder: name the folder that holds <object>.ply")
    if (scene.capture_to_world == np.eye(4)).all():
        return folder
    from o2recon.evaluate.truth_moved import moved_truth  # loads what reads meshes, which a plan does without

    return moved_truth(folder, scene.capture_to_world, Path(job.config.work) / scene.name / "groundtruth")


def truth_files(folder: Path | None, object_id: int) -> list[Path]:
    """The files in a folder of truth that say what this object really is."""
    names = (f"{object_id}.ply", f"{object_id}_points.npz")
    return [] if folder is None else [folder / name for name in names if (folder / name).is_file()]
