"""Where the truth of a scene lies, in whose layout, and how it comes into the form that `load_truth` reads."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from o2recon.evaluate.instances import has_annotation, instance_labels, write_instances, write_points
from o2recon.evaluate.layouts import canonical
from o2recon.evaluate.surface import read_points
from o2recon.files import folder_written_atomically, write_json
from o2recon.scene.annotation import NOTES, annotation_files, is_made_from, stamps

_LOG = logging.getLogger(__name__)

OWN = "<id>.ply"
VERTICES = "ScanNet's vertices obj_<id-1>.ply"
ANNOTATION = "built from ScanNet's annotation"
CAD = "CAD points scannet_<id-1>_pointcloud.ply"
ACCEPTED = (
    "accepted are <id>.ply with or without <id>_points.npz, the original's scannet_gt/<scene>/gt/obj_<id-1>.ply and "
    "meshes-scan2cad-cleaned/<scene>/scannet_<id-1>_pointcloud.ply, and ScanNet's *_vh_clean_2.ply with "
    "*.segs.json and *.aggregation.json, each in the folder itself or per scene in folders below"
)
_GROUPS = ("scannet_gt", "meshes-scan2cad-cleaned")
_INNER = ("groundtruth", "gt")


@dataclass(frozen=True)
class SceneTruth:
    """Truth of one scene. `folder` holds `<id>.ply`, None when there are only CAD points.

    `complete`: whether `objects` are those to be reconstructed; an annotation names every wall too. `cad`: point sets
    in the original's naming, by our id. `categories`: by id, as far as known.
    """

    kinds: tuple[str, ...]
    folder: Path | None
    objects: tuple[int, ...]
    complete: bool
    cad: dict[int, Path] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)


class TruthFolders:
    """Truth of scenes in `roots`; what is not stored as `<id>.ply` is written as such to `written`/<scene>/."""

    def __init__(self, roots: Sequence[Path], written: Path) -> None:
        for root in roots:
            if not root.is_dir():
                raise ValueError(f"groundtruth={root} is no folder: name a folder with ground truth ({ACCEPTED})")
        self.roots = tuple(root.resolve() for root in roots)
        self.written = written
        for root in self.roots:
            folders = (folder for place in _places(root) for folder in _inner(place))
            if not any(_kind(folder) for folder in folders):
                told = f"holds no ground truth that is known: {ACCEPTED}; name such a folder"
                raise ValueError(f"groundtruth={root} {told}")

    def flat_name(self) -> str | None:
        """The scene's name, as far as the folder says it, when the first root holds the truth of one scene only."""
        root = self.roots[0] if self.roots else None
        if root is None or not any(_kind(folder) for folder in _inner(root)):
            return None
        return root.parent.name if root.name in _INNER else root.name

    def found(self, scene: str, *, alone: bool) -> dict[str, Path]:
        """Folder of each kind of truth there is of `scene`. `alone`: there is no other scene, so names need not agree.

        The kinds that can be used as truth of a surface come first, the best one in front.
        """
        found = {kind: folder for folder in reversed(list(self._folders(scene, alone))) if (kind := _kind(folder))}
        return {kind: found[kind] for kind in (OWN, VERTICES, ANNOTATION, CAD) if kind in found}

    def __call__(self, scene: str, *, alone: bool) -> SceneTruth | None:
        """Truth of `scene`, None when there is none. `alone`: no other scene is compared, so names need not agree."""
        found = self.found(scene, alone=alone)
        if not found:
            return None
        cad = _numbered(found[CAD], "scannet_{}_pointcloud.ply") if CAD in found else {}
        chosen = next(iter(found))
        if chosen == CAD:
            return SceneTruth((CAD,), None, tuple(sorted(cad)), True, cad)
        source = found[chosen]
        kinds = (chosen, CAD) if cad else (chosen,)
        categories = instance_labels(source) or instance_labels(source.parent)
        if chosen == OWN:
            return SceneTruth(kinds, source, _own(source), True, cad, categories)
        folder = observed_truth(chosen, source, self.written / scene)
        return SceneTruth(kinds, folder, _own(folder), chosen == VERTICES, cad, categories)

    def _folders(self, scene: str, alone: bool) -> Iterator[Path]:
        """Folders that may hold this scene's truth, the likeliest first."""
        for root in self.roots:
            named = root.parent.name if root.name in _INNER else root.name
            if alone or canonical(named) == canonical(scene):
                yield from _inner(root)
            for place in _places(root):
                if canonical(place.name) == canonical(scene):
                    yield from _inner(place)


def observed_truth(kind: str, source: Path, target: Path) -> Path:
    """VERTICES or ANNOTATION in `source` as `<id>.ply` in `target`; made again when the files change.

    Only surface that the scan observed is there: point sets without faces. ValueError when a file is damaged.
    """
    numbered = _numbered(source, "obj_{}.ply") if kind == VERTICES else {}
    files = tuple(numbered.values()) or annotation_files(source)
    if is_made_from(target, files):
        return target
    with folder_written_atomically(target) as temporary:
        if kind == ANNOTATION:
            write_instances(source, temporary)
        for object_id, file in numbered.items():
            write_points(temporary / f"{object_id}.ply", read_points(file))
        write_json(temporary / NOTES, stamps(files))
    _LOG.info("ground truth of %d objects written to %s", len(_own(target)), target)
    return target


def _places(root: Path) -> list[Path]:
    """The root and the folders of scenes in it, also below the original's two folders."""
    groups = [root, *(root / name for name in _GROUPS if (root / name).is_dir())]
    return [root, *(f for group in groups for f in sorted(group.iterdir()) if f.is_dir())]


def _inner(place: Path) -> list[Path]:
    return [place, *(place / name for name in _INNER if (place / name).is_dir())]


def _kind(folder: Path) -> str | None:
    """Which layout of one scene's truth a folder holds."""
    if _own(folder):
        return OWN
    if _numbered(folder, "obj_{}.ply"):
        return VERTICES
    if _numbered(folder, "scannet_{}_pointcloud.ply"):
        return CAD
    return ANNOTATION if has_annotation(folder) else None


def _own(folder: Path) -> tuple[int, ...]:
    names = (re.fullmatch(r"(\d+)(?:\.ply|_points\.npz)", f.name) for f in folder.iterdir())
    return tuple(sorted({int(m[1]) for m in names if m}))


def _numbered(folder: Path, name: str) -> dict[int, Path]:
    """Our id -> file of the original's truth, whose numbers are one lower."""
    pattern = re.compile(re.escape(name).replace(r"\{\}", r"(\d+)"))
    return {int(m[1]) + 1: f for f in sorted(folder.iterdir()) if (m := pattern.fullmatch(f.name))}
