"""Folders of meshes made by anybody: which file is which object of which scene, by which method."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SUFFIXES = (".ply", ".glb", ".obj", ".off", ".stl")
"""Formats read, the first one wins where an object is there in several."""
ACCEPTED = (
    "accepted are runs of o2recon (<object>/seed_<n>/mesh.ply and folders above), the original's results "
    "(<method>/<scene>/<scene>_scannet_obj_<id>_<suffix>_{pointcloud,mesh,full_mesh}.ply) and plain folders "
    f"(<scene>/<object>, <scene>/<object>/mesh or <object>, each {', '.join(SUFFIXES)}; <object> is a number)"
)
RUNS, PUBLISHED, PLAIN = "runs of o2recon", "results in the original's layout", "plain folder"
_PUBLISHED_NAME = re.compile(
    r"(?P<scene>.+?)_scannet_obj_(?P<id>\d+)(?:_(?P<suffix>.+?))??_"
    r"(?P<kind>full_pointcloud|full_mesh|pointcloud|mesh)\.ply"
)


@dataclass(frozen=True)
class Candidate:
    """One object as one method left it. Files in scene coordinates, metres.

    `mesh`: the whole surface, or a point cloud when there is nothing else; None when there is only `error`. `visible`:
    the part that cameras saw. `cleaned` and `cad`: what the original compares with ScanNet's vertices and with CAD
    points. None where a file is not there.
    """

    method: str
    scene: str
    object: int
    mesh: Path | None
    visible: Path | None = None
    cleaned: Path | None = None
    cad: Path | None = None
    ablation: str = "none"
    seed: str = "0"
    category: str = ""
    error: str | None = None
    groundtruth: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(f for f in (self.mesh, self.visible, self.cleaned, self.cad) if f is not None)

    @property
    def variant(self) -> tuple[str, str, str]:
        """Method, ablation and seed: what one row of a table is about."""
        return (self.method, self.ablation, self.seed)


@dataclass(frozen=True)
class Found:
    """`flat`: a folder with the objects of one scene, which does not say the scene's name."""

    folder: Path
    layout: str
    candidates: tuple[Candidate, ...]
    flat: bool = False


class MeshFolders:
    """Finds meshes in folders of any accepted layout.

    `name`: what to call the method, None = as its folder. `scene`: the name of the scene in a flat folder; where the
    folder names its scenes, only this one is taken. None: the folder's name, all scenes.
    """

    def __init__(self, *, name: str | None, scene: str | None) -> None:
        if name is not None and (not name.strip() or "/" in name or name.startswith(".")):
            raise ValueError(f"compare.name={name!r} cannot name a folder: use letters, digits, - and _")
        self.name, self.scene = name, scene

    def __call__(self, folder: Path, *, name: str | None = None, scene: str | None = None) -> Found:
        """All candidates in `folder`; `name` and `scene` where the constructor's say nothing.

        ValueError when the folder is not there, or holds nothing in an accepted layout.
        """
        if not folder.is_dir():
            raise ValueError(f"meshes={folder} is no folder: name the folder that holds a method's meshes")
        layout, candidates = _recognised(folder.resolve())
        if not candidates:
            raise ValueError(f"meshes={folder} holds no meshes in a layout that is known: {ACCEPTED}")
        flat = layout == PLAIN and candidates[0].scene == ""
        if flat:
            candidates = _in_flat_folder(candidates, folder.resolve(), self.scene or scene)
        elif self.scene is not None:
            candidates = [c for c in candidates if canonical(c.scene) == canonical(self.scene)]
            if not candidates:
                raise ValueError(f"meshes={folder} has nothing of compare.scene={self.scene}")
        return Found(folder, layout, tuple(_named(candidates, self.name or name)), flat)


def canonical(scene: str) -> str:
    """A scene's name without the ending of its exported folder: scene0005_00_scannet is scene0005_00."""
    return scene.removesuffix("_scannet")


def _recognised(folder: Path) -> tuple[str, list[Candidate]]:
    for layout, recognise in ((RUNS, _runs), (PUBLISHED, _published)):
        candidates = recognise(folder)
        if candidates:
            return layout, candidates
    return PLAIN, _plain(folder)


def _named(candidates: list[Candidate], name: str | None) -> list[Candidate]:
    """All methods called `name`, with their own names behind where there are several."""
    if name is None:
        return candidates
    several = len({c.method for c in candidates}) > 1
    return [replace(c, method=f"{name}-{c.method}" if several else name) for c in candidates]


def _in_flat_folder(candidates: list[Candidate], folder: Path, scene: str | None) -> list[Candidate]:
    """A folder that is called as its scene lies in the method's folder."""
    scene = scene or folder.name
    method = folder.parent.name if canonical(folder.name) == canonical(scene) else folder.name
    return [replace(c, scene=scene, method=method) for c in candidates]


# ---- our own runs ----


def _runs(folder: Path) -> list[Candidate]:
    """Finished runs in a study, or in any folder below it down to one run's."""
    if _is_run(folder):
        return [_run(folder, known=0)]
    for known in range(5):
        runs = [f for f in sorted(folder.glob("*/" * known + "seed_*")) if _is_run(f)]
        if runs:
            return [_run(f, known=known) for f in runs]
    return []


def _is_run(folder: Path) -> bool:
    files = (folder / "result.json", folder / "mesh.ply")
    return folder.name.startswith("seed_") and folder.parent.name.isdigit() and any(f.is_file() for f in files)


def _run(folder: Path, *, known: int) -> Candidate:
    """`known`: how many names between the folder that was asked for and this one; those above may be anything."""
    result = _result(folder / "result.json")
    experiment, ablation, scene, object_id, seed = folder.parts[-5:]
    asked = folder.parents[known]
    if known < 4:
        experiment = asked.name if known > 1 else asked.parent.name
    if known < 3:
        ablation = "none"
    mesh = folder / "mesh.ply"
    failed = result.get("error") or "the run left no mesh.ply"
    truth = result.get("groundtruth")
    return Candidate(
        method=_name(result, "experiment") or experiment,
        ablation=_name(result, "ablation") or ablation,
        scene=_name(result, "scene") or scene,
        object=int(object_id),
        seed=seed.removeprefix("seed_"),
        mesh=mesh if mesh.is_file() else None,
        visible=_existing(folder / "mesh_visible.ply"),
        category=str(result.get("category") or ""),
        error=None if mesh.is_file() else str(failed),
        groundtruth=Path(str(truth)) if truth and Path(str(truth)).is_dir() else None,
    )


def _name(result: dict[str, Any], key: str) -> str | None:
    """A name that a folder can have; None for anything else: somebody else's result may not say where ours are put."""
    value = result.get(key)
    return value if isinstance(value, str) and re.fullmatch(r"\w[^/\\\x00-\x1f]{0,199}", value) else None


def _result(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):  # a mesh without a readable record is still a mesh
        return {}
    return content if isinstance(content, dict) else {}


# ---- the original's results ----


def _published(folder: Path) -> list[Candidate]:
    """The original's and its baselines' meshes: the id in the name is the object's, its truth is called id - 1."""
    kinds: dict[tuple[Path, str, int, str], dict[str, Path]] = defaultdict(dict)
    for file in _below(folder, "*_scannet_obj_*.ply", depth=3):
        match = _PUBLISHED_NAME.fullmatch(file.name)
        if match:
            kinds[file.parent, match["scene"], int(match["id"]), match["suffix"] or ""][match["kind"]] = file
    places = defaultdict(set)
    for parent, scene, object_id, suffix in kinds:
        places[parent, scene, object_id].add(suffix)
    mixed = {place[0] for place, suffixes in places.items() if len(suffixes) > 1}
    candidates = []
    for (parent, scene, object_id, suffix), files in sorted(kinds.items()):
        method = parent.parent.name if canonical(parent.name) == scene else parent.name
        if parent in mixed:
            method = f"{method}-{suffix or 'plain'}"
        whole = _first(files, "full_mesh", "mesh", "full_pointcloud", "pointcloud")
        visible = files.get("mesh") if "full_mesh" in files else None
        cad = _first(files, "mesh", "full_pointcloud", "full_mesh")
        candidates.append(Candidate(method, scene, object_id, whole, visible, files.get("pointcloud"), cad))
    return candidates


def _first(files: dict[str, Path], *kinds: str) -> Path | None:
    return next((files[kind] for kind in kinds if kind in files), None)


# ---- plain folders ----


def _plain(folder: Path) -> list[Candidate]:
    """`<object>.<suffix>`, `<scene>/<object>.<suffix>` or `<scene>/<object>/mesh.<suffix>`, the first that is there."""
    flat = [Candidate("", "", number, file) for number, file in _numbered(folder).items()]
    if flat:
        return flat
    flat = [Candidate("", "", number, file) for number, file in _in_folders(folder).items()]
    if flat:
        return flat
    candidates = []
    for scene in sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")):
        files = _numbered(scene) or _in_folders(scene)
        candidates += [Candidate(folder.name, scene.name, number, file) for number, file in files.items()]
    return candidates


def _numbered(folder: Path) -> dict[int, Path]:
    """Object -> the best of its files. ValueError when two names mean the same number, as 1 and 01."""
    best: dict[int, Path] = {}
    files = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and f.stem.isdigit() and f.is_file()]
    for file in sorted(files, key=lambda f: (int(f.stem), SUFFIXES.index(f.suffix.lower()))):
        same = best.setdefault(int(file.stem), file)
        if same.stem != file.stem:
            raise ValueError(f"{same} and {file.name} both mean object {int(file.stem)}: rename one")
    return best


def _in_folders(folder: Path) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for inner in (f for f in folder.iterdir() if f.is_dir() and f.name.isdigit()):
        files = [f for suffix in SUFFIXES if (f := inner / f"mesh{suffix}").is_file()]
        if files:
            found[int(inner.name)] = files[0]
    return dict(sorted(found.items()))


def _below(folder: Path, pattern: str, *, depth: int) -> Iterable[Path]:
    return (file for level in range(depth + 1) for file in sorted(folder.glob("*/" * level + pattern)))


def _existing(file: Path) -> Path | None:
    return file if file.is_file() else None
