"""What lies on the disk, for people: a study, the other studies beside it, and the prepared data of all scenes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from o2recon.sweep import bytes_shown, holdings, prepared_holdings, study_status

MOST = 6
"""Scenes and studies that are named."""


def disk_lines(study: Path, work: Path) -> Iterator[str]:
    """What the study and the prepared data hold, and how to free some of it."""
    held = {kind: size for kind, size in holdings(study).items() if size}
    parts = ", ".join(f"{kind} {bytes_shown(size)}" for kind, size in held.items())
    yield f"on disk: {bytes_shown(sum(held.values()))}" + (f" ({parts})" if parts else "")
    scenes = prepared_holdings(work)
    if scenes:
        total, caches = (sum(sizes[i] for sizes in scenes.values()) for i in (0, 1))
        named = sorted(scenes, key=lambda name: -scenes[name][0])
        told = ", ".join(f"{name} {bytes_shown(scenes[name][0])}" for name in named[:MOST])
        more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
        yield f"prepared data in {work}: {bytes_shown(total)} ({told}{more}); caches are {bytes_shown(caches)} of it"
    yield "'o2recon clean' lists what can go, 'o2recon clean clean.what=[prepared]' prepared data"


def study_lines(outputs: Path, *, but: str | None = None) -> list[str]:
    """One line for each study in `outputs`, the latest first: its runs by state and its size."""
    folders = [f for f in outputs.glob("*") if f.is_dir() and f.name != but] if outputs.is_dir() else []
    lines = []
    for folder in sorted(folders, key=lambda f: -f.stat().st_mtime):
        states = Counter(entry.state for entry in study_status(folder))
        told = ", ".join(f"{count} {state}" for state, count in states.items()) or "no runs"
        lines.append(f"  {folder.name}: {told}; {bytes_shown(sum(holdings(folder).values()))}")
    return lines
