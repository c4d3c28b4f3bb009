"""The folder that a conversion writes: whole or not there, and nobody else's files in it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from o2recon.files import folder_written_atomically, write_json
from o2recon.scene.converted import NOTES, WRITTEN_BY, read_notes
from o2recon.scene.scene import Scene

log = logging.getLogger(__name__)


@contextmanager
def converted_folder(root: Path, scene: Scene, *, layout: str, options: Sequence[str] = ()) -> Iterator[Path]:
    """A temporary folder to write to; it becomes `root` when the block ends well, replacing an earlier conversion.

    `layout` is the name that `scene=` reads it by, `options` further overrides that reading it needs. ValueError when
    `root` holds anything but an earlier conversion, or the capture itself.
    """
    _check_own(root, scene)
    with folder_written_atomically(root) as temporary:
        yield temporary
        notes = {
            "written_by": WRITTEN_BY,
            "layout": layout,
            "options": list(options),
            "source": str(scene.root),
            "fingerprint": scene.fingerprint(),
            "frames": len(scene.indices),
            "skipped": {str(index): reason for index, reason in sorted(scene.skipped.items())},
        }
        write_json(temporary / NOTES, notes)


def warn_of_lost_labels(scene: Scene, layout: str) -> None:
    """For layouts without labels: what was told apart by them is not any more."""
    if scene.has_instances and scene.labels:
        log.warning(
            "%s has no place for categories: whatever has an id is an 'object' there, walls and floors too; name ids"
            " with objects.overrides.<id>.category=, choose them with object=, or convert to nerfstudio or colmap",
            layout,
        )


def _check_own(root: Path, scene: Scene) -> None:
    target, source = root.resolve(), scene.root.resolve()
    if target == source or target in source.parents:
        raise ValueError(f"{root} holds the capture {scene.root} itself: set convert.root to another folder")
    if not root.exists() or read_notes(root) is not None:
        return
    if not root.is_dir() or any(root.iterdir()):
        raise ValueError(f"{root} is there and was not written by 'o2recon convert': set convert.root to a new folder")
