"""Where the truth of a scene lies, in whose layout, and how it comes into the form that `load_truth` reads."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from o2recon.evaluate.instances import has_annotation, instance_labels, write_instances, write_points
from o2recon.evaluate.layouts import canonical
from o2recon.evaluate.surface import read_points

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
                raise ValueError(f"groundtruth={root} holds no ground truth that is known: {ACCEPTED}")

    def flat_name(self) -> str | None:
        """The scene's name, as far as the folder says it, when the first root holds the truth of one scene only."""
        root = self.roots[0] if self.roots else None
        if root is None or not any(_kind(folder) for folder in _inner(root)):
            return None
        return root.parent.name if root.name in _INNER else root.name

    def __call__(self, scene: str, *, alone: bool) -> SceneTruth | None:
        """Truth of `scene`, None when there is none. `alone`: no other scene is compared, so names need not agree."""
        found = {kind: folder for folder in reversed(list(self._folders(scene, alone))) if (kind := _kind(folder))}
        if not found:
            return None
        cad = _numbered(found[CAD], "scannet_{}_pointcloud.ply") if CAD in found else {}
        chosen = next((kind for kind in (OWN, VERTICES, ANNOTATION) if kind in found), None)
        if chosen is None:
            return SceneTruth((CAD,), None, tuple(sorted(cad)), True, cad)
        source = found[chosen]
        kinds = (chosen, CAD) if cad else (chosen,)
        categories = instance_labels(source) or instance_labels(source.parent)
        if chosen == OWN:
            return SceneTruth(kinds, source, _own(source), True, cad, categories)
        folder = self.written / scene
        if chosen == ANNOTATION:
            objects = [int(file.stem) for file in write_instances(source, folder)]
        else:
            files = _numbered(source, "obj_{}.ply")
            objects = [int(write_points(folder / f"{i}.ply", read_points(file)).stem) for i, file in files.items()]
        _LOG.info("%s: ground truth of %d objects written to %s", scene, len(objects), folder)
        return SceneTruth(kinds, folder, tuple(sorted(objects)), chosen == VERTICES, cad, categories)

    def _folders(self, scene: str, alone: bool) -> Iterator[Path]:
        """Folders that may hold this scene's truth, the likeliest first."""
        for root in self.roots:
            named = root.parent.name if root.name in _INNER else root.name
            if alone or canonical(named) == canonical(scene):
                yield from _inner(root)
            for place in _places(root):
                if canonical(place.name) == canonical(scene):
                    yield from _inner(place)


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
