"""Where the truth of a scene's objects lies."""

from pathlib import Path

from o2recon.cli.job import Job
from o2recon.scene import Scene


def truth_folder(job: Job, scene: Scene) -> Path | None:
    """`groundtruth=`, else the scene's own folder; None when there is neither. ValueError when it is no folder."""
    if job.config.groundtruth is None:
        return scene.groundtruth
    folder = Path(job.config.groundtruth)
    if not folder.is_dir():
        raise ValueError(f"groundtruth={folder} is no folder: name the folder that holds <object>.ply")
    return folder


def truth_files(folder: Path | None, object_id: int) -> list[Path]:
    """The files in a folder of truth that say what this object really is."""
    names = (f"{object_id}.ply", f"{object_id}_points.npz")
    return [] if folder is None else [folder / name for name in names if (folder / name).is_file()]
