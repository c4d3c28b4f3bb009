"""What a stage will write, told before it begins; it does not begin where the disk is too small for it."""

import logging
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from o2recon.cli.job import Job
from o2recon.cli.prepare import MANIFESTS
from o2recon.scene import Kept, Scene
from o2recon.sweep import RESULT, bytes_shown

logger = logging.getLogger(__name__)

PREPARED_PER_PIXEL, PREPARED_PER_OBJECT = 2.0, 3_000_000
"""Bytes of prepared data: a view's pixel (1.5 to 3.2 on 29 objects of 640 x 480), and volume and notes of an object."""
RUN, CHECKPOINTS = 10_000_000, 20_000_000
"""Bytes of a run: meshes, pictures and tables; two checkpoints."""
CONVERTED_PER_PIXEL = 0.7
"""Bytes of colour, depth and ids of a frame as JPEG and PNG."""
EXPORTED = 10_000_000
"""Bytes of an object's textured meshes and collision shapes."""
AMPLE = 2.0
"""Where less than this many times the need is free, that is said too: these are estimates."""


@dataclass(frozen=True)
class Need:
    """Something that a stage will write below `folder`, which need not exist."""

    what: str
    folder: Path
    num_bytes: int


def needs(
    job: Job,
    scene: Scene,
    objects: Iterable[Kept],
    prepares: bool,
    fits: tuple[str, ...],
    *,
    beside: Iterable[Job] = (),
    compared: Sequence[Kept] = (),
) -> list[Need]:
    """Of prepared data that is not there and of runs that have no result, for the objects asked for.

    `beside`: the baselines that run for the objects `compared`.
    """
    pixels = scene.camera.width * scene.camera.height
    prepared, runs, written = 0, 0, 0
    for kept in objects:
        if prepares and not (job.prepared_folder(scene.name, kept.id) / MANIFESTS["cues"]).is_file():
            views = min(len(kept.frames), int(job.config.objects.views.max_views))
            prepared += 1
            written += int(views * pixels * PREPARED_PER_PIXEL) + PREPARED_PER_OBJECT
        runs += bool(fits) and _is_open(job, scene, kept)
    one_run = RUN + (CHECKPOINTS if "train" in fits and not job.config.baseline else 0)
    baselines = sum(_is_open(other, scene, kept) for other in beside for kept in compared)
    found = [
        Need(f"the prepared data of {counted(prepared, 'object')}", Path(job.config.work), written),
        Need(counted(runs, "run"), job.study, runs * one_run),
        Need(f"{counted(baselines, 'run')} of baselines", job.study, baselines * RUN),
    ]
    return [need for need in found if need.num_bytes]


def converted(scene: Scene, root: Path) -> list[Need]:
    """Of a capture in another layout."""
    pixels = len(scene.indices) * scene.camera.width * scene.camera.height
    return [Need(counted(len(scene.indices), "frame"), root, int(pixels * CONVERTED_PER_PIXEL))]


def check_space(wanted: Iterable[Need]) -> None:
    """Say once what will be written to each disk and what is free there: a warning where that is little more.

    ValueError where it is less.
    """
    together: dict[int, list[Need]] = defaultdict(list)
    for need in wanted:
        if need.num_bytes:
            together[_existing(need.folder).stat().st_dev].append(need)
    for same in together.values():
        total, free = sum(n.num_bytes for n in same), free_bytes(same[0].folder)
        parts = ", ".join(f"{bytes_shown(n.num_bytes)} in {n.folder} for {n.what}" for n in same)
        if total > free:
            raise ValueError(
                f"the disk is too small: needs about {parts}, by estimate; {bytes_shown(free)} are free;"
                " free some space ('o2recon clean' lists what can be made again), or name folders of another disk"
                " (work=, outputs=)"
            )
        level = logging.WARNING if total * AMPLE > free else logging.INFO
        logger.log(level, "disk: needs about %s, by estimate; %s are free", parts, bytes_shown(free))


def free_bytes(folder: Path) -> int:
    """What this user may still write where `folder` is or will be."""
    return shutil.disk_usage(_existing(folder)).free


def counted(number: int, name: str) -> str:
    """As '1 run' or '3 runs'."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _is_open(job: Job, scene: Scene, kept: Kept) -> bool:
    return not (job.run_folder(scene.name, kept.id) / RESULT).is_file()


def _existing(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    return next(p for p in (folder, *folder.parents) if p.is_dir())
