"""What is done, running, failed or unfinished in a study, from its folders alone."""

from dataclasses import dataclass
from pathlib import Path

from o2recon.manifest import package_version
from o2recon.sweep.damage import damage
from o2recon.sweep.lock import is_held
from o2recon.sweep.result import read_result


@dataclass(frozen=True)
class Entry:
    """One run. `state`: ok, failed, running, unfinished (killed: it continues when started again), or stale (made by
    another version of the package, or a file of it was changed or is gone: it would run again)."""

    experiment: str
    ablation: str
    scene: str
    object: str
    seed: str
    state: str
    note: str


def study_status(study: Path) -> list[Entry]:
    """All runs of `outputs/<study>`. ValueError when there is no such study."""
    if not study.is_dir():
        others = sorted(p.name for p in study.parent.glob("*") if p.is_dir()) if study.parent.is_dir() else []
        raise ValueError(f"{study} does not exist: choose study= among {', '.join(others) or 'none so far'}")
    folders = [f for f in study.glob("*/*/*/*/seed_*") if f.is_dir()]
    return [_entry(f) for f in sorted(folders, key=_order)]


def _entry(folder: Path) -> Entry:
    experiment, ablation, scene, object_id, seed = folder.parts[-5:]
    state, note = _state(folder)
    return Entry(experiment, ablation, scene, object_id, seed.removeprefix("seed_"), state, note)


def _state(folder: Path) -> tuple[str, str]:
    if is_held(folder):
        return "running", (folder / ".lock").read_text()
    result = read_result(folder)
    if result is None:
        return "unfinished", "continues when started again"
    version = (result.get("versions") or {}).get("o2recon")
    if version != package_version():
        return "stale", f"made by version {version}, this is {package_version()}"
    if result.get("status") == "ok":
        what = damage(folder)
        return ("ok", "") if what is None else ("stale", f"{what}: it is made again")
    return "failed", str(result.get("error"))


def _order(folder: Path) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in folder.parts[-5:])
