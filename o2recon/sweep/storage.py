"""What a study and its prepared data hold on disk, and which of it can be made again."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from o2recon.files import PARTIAL
from o2recon.sweep.damage import damage
from o2recon.sweep.lock import Busy, exclusive, is_held
from o2recon.sweep.result import read_result

KINDS = {
    "caches": "what in-painting and cues keep for a next preparation with other options",
    "prepared": "prepared data of objects (work/), all but painted sketches; made again when a run needs them",
    "checkpoints": "trained fields of finished runs; needed again only to mesh them with other options",
    "jobs": "logs and plans of earlier sweeps, all but the last one's",
    "partial": "what killed processes left half written, an hour ago or earlier",
}
"""What may be deleted, and what that means. Nothing else is: no input, no sketch, no mesh, no result, no report."""

PARTIAL_AGE_S = 3600
KEPT_OF_PREPARED = ("sketches", ".lock")


@dataclass(frozen=True)
class Removable:
    """Something that can be made again. `lock`: the folder whose lock says whether somebody works with it."""

    kind: str
    path: Path
    num_bytes: int
    lock: Path | None


def bytes_shown(num_bytes: int) -> str:
    """In MB, from a thousand on in GB."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count for nothing."""
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file() and not f.is_symlink())


def removable(work: Path, study: Path, kinds: Sequence[str]) -> list[Removable]:
    """What of these kinds lies in `work` and in `study` that nobody works with. ValueError for an unknown kind."""
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ValueError(f"clean.what holds {', '.join(unknown)}; choose from {', '.join(KINDS)}")
    found: list[Removable] = []
    for prepared in sorted(p.parent for p in work.glob("*/*/*/object.json")):
        if "prepared" in kinds:
            found.append(Removable("prepared", prepared, sum(size_of(p) for p in _prepared_paths(prepared)), prepared))
        elif "caches" in kinds:
            found += [Removable("caches", p, size_of(p), prepared) for p in sorted(prepared.glob("*/cache"))]
    if "checkpoints" in kinds:
        sizes = {p: sum(size_of(part) for part in _fields(p)) for p in _checkpoints(study) if _fields(p)}
        found += [Removable("checkpoints", p, size, p.parent) for p, size in sizes.items()]
    if "jobs" in kinds:
        earlier = sorted(p for p in (study / "sweep").glob("*") if p.is_dir())[:-1]
        found += [Removable("jobs", p, size_of(p), None) for p in earlier]
    if "partial" in kinds:
        before = time.time() - PARTIAL_AGE_S
        paths = [p for root in (work, study) for p in root.rglob(f"{PARTIAL}*") if p.stat().st_mtime < before]
        found += [Removable("partial", p, size_of(p), None) for p in sorted(paths)]
    return [r for r in found if r.lock is None or not is_held(r.lock)]


def remove(items: Sequence[Removable]) -> Iterator[Removable]:
    """Delete them, one after the other; yields what is gone. What somebody has begun to work with stays."""
    for item in items:
        try:
            if item.lock is None:
                _delete([item.path])
            else:
                with exclusive(item.lock, wait=False):
                    _delete(PARTS_OF[item.kind](item.path) if item.kind in PARTS_OF else [item.path])
                    if item.kind == "checkpoints" and not any(item.path.iterdir()):
                        item.path.rmdir()
        except Busy:
            continue
        yield item


def holdings(study: Path) -> dict[str, int]:
    """Bytes of a study by what they are: meshes, checkpoints, pictures, report, sweep, other."""
    sizes = dict.fromkeys(("meshes", "checkpoints", "pictures", "report", "sweep", "other"), 0)
    for file in study.rglob("*"):
        if not file.is_file() or file.is_symlink():
            continue
        parts = file.relative_to(study).parts
        if parts[0] in ("report", "sweep"):
            kind = parts[0]
        elif "checkpoints" in parts:
            kind = "checkpoints"
        elif file.suffix in (".ply", ".glb", ".obj", ".stl"):
            kind = "meshes"
        else:
            kind = "pictures" if file.suffix in (".png", ".jpg") else "other"
        sizes[kind] += file.stat().st_size
    return sizes


def prepared_holdings(work: Path) -> dict[str, tuple[int, int]]:
    """Bytes of everything made of a scene before training, and of the caches among it, for each scene in `work`."""
    sizes = {}
    for scene in sorted(p for p in work.glob("*") if p.is_dir()):
        if not any(scene.glob("*.manifest.json")) and not any(scene.glob("*/*/object.json")):
            continue  # not prepared here, such as the rooms that `synth` wrote
        files = [f for f in scene.rglob("*") if f.is_file() and not f.is_symlink()]
        found = [(f.stat().st_size, "cache" in f.relative_to(scene).parts) for f in files]
        sizes[scene.name] = sum(size for size, _ in found), sum(size for size, is_cache in found if is_cache)
    return sizes


def _prepared_paths(folder: Path) -> list[Path]:
    """What preparation wrote; the first stage's manifest in front: no half deleted folder may pass for a ready one."""
    paths = [p for p in folder.iterdir() if p.name not in KEPT_OF_PREPARED]
    return sorted(paths, key=lambda p: (p.name != "manifest.json", p.name))


def _fields(checkpoints: Path) -> list[Path]:
    """All but the manifest, which says how long training took and on what."""
    return [p for p in sorted(checkpoints.iterdir()) if p.name != "manifest.json"]


PARTS_OF = {"prepared": _prepared_paths, "checkpoints": _fields}
"""What of a folder goes, where not all of it does."""


def _checkpoints(study: Path) -> list[Path]:
    """Of runs that are finished and whose files are as they were."""
    folders = sorted(study.glob("*/*/*/*/seed_*/checkpoints"))
    finished = [f for f in folders if (read_result(f.parent) or {}).get("status") == "ok"]
    return [f for f in finished if damage(f.parent) is None]


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
