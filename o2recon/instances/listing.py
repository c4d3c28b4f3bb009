"""Which files of a tracker's folder belong to which frame and which object."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from o2recon.instances.categories import object_number, spoken

LAYOUTS = ("ids", "object_frame", "frame_object")
"""One image of ids per frame; a folder per object with a mask per frame; a folder per frame with a mask per object."""
NUMBERING = ("number", "order")
"""Files belong to the frame that their name's last number says; or the n-th of them to the n-th frame."""


@dataclass(frozen=True)
class Listing:
    """`files`: frame -> its files, each with the object's id (None: the image holds ids). `names`: id -> its name."""

    layout: str
    numbering: str
    files: Mapping[int, tuple[tuple[int | None, Path], ...]]
    names: Mapping[int, str]

    @property
    def paths(self) -> list[Path]:
        return [path for frame in sorted(self.files) for _, path in self.files[frame]]


def list_masks(folder: Path, frames: Iterable[int], *, layout: str | None, numbering: str | None) -> Listing:
    """All PNG files of a tracker. None: found out. ValueError when the files fit the capture's `frames` in no way.

    `frames`: all that the capture lists, damaged ones included.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: set instances.folder to a folder of masks (PNG)")
    for key, value, allowed in (("layout", layout, LAYOUTS), ("numbering", numbering, NUMBERING)):
        if value is not None and value not in allowed:
            raise ValueError(f"instances.{key} is '{value}': choose {', '.join(allowed)}, or null to find out")
    known = sorted(set(frames))
    found = _named(folder)
    wanted = [layout] if layout else (["ids"] if not found.nested else ["object_frame", "frame_object"])
    fits = [f for name in wanted if (f := _fit(found, name, known, numbering)) is not None]
    if not fits:
        raise ValueError(_no_fit(folder, found, known))
    best = max(len(f.files) for f in fits)
    chosen = [f for f in fits if len(f.files) == best]
    if len(chosen) > 1:
        raise ValueError(
            f"{folder}: folders and files could both be frames; say which with instances.layout=object_frame"
            " (<object>/<frame>.png) or instances.layout=frame_object (<frame>/<object>.png)"
        )
    return chosen[0]


@dataclass(frozen=True)
class _Found:
    """`flat`: files of the folder itself. `nested`: (name of the folder, file) for those one level down."""

    flat: tuple[Path, ...]
    nested: tuple[tuple[str, Path], ...]


def _named(folder: Path) -> _Found:
    flat = sorted(f for f in folder.iterdir() if f.suffix.lower() == ".png" and f.is_file())
    nested = [] if flat else sorted((f.parent.name, f) for f in folder.glob("*/*") if f.suffix.lower() == ".png")
    if not flat and not nested:
        raise ValueError(
            f"{folder} holds no PNG files: it needs <frame>.png with ids, <object>/<frame>.png or <frame>/<object>.png"
        )
    return _Found(tuple(flat), tuple(nested))


def _fit(found: _Found, layout: str, known: list[int], numbering: str | None) -> Listing | None:
    """The files read in one way; None when they are no such files or fit no frames."""
    if layout == "ids":
        rows = [(path.stem, "", path) for path in found.flat]
    elif layout == "object_frame":
        rows = [(path.stem, name, path) for name, path in found.nested]
    else:
        rows = [(name, path.stem, path) for name, path in found.nested]
    if not rows:
        return None
    matched = _frames_of({stem for stem, _, _ in rows}, known, numbering)
    if matched is None:
        return None
    frame_of, how = matched
    ids = _ids({name for _, name, _ in rows} - {""})
    files: dict[int, list[tuple[int | None, Path]]] = {}
    for stem, name, path in rows:
        if stem in frame_of:
            files.setdefault(frame_of[stem], []).append((ids.get(name), path))
    names = {number: name for name, number in ids.items()}
    return Listing(layout, how, {k: tuple(v) for k, v in files.items()}, names)


def _frames_of(stems: set[str], known: list[int], numbering: str | None) -> tuple[dict[str, int], str] | None:
    """Frame of every file name that belongs to one, and how it was found."""
    numbers = {stem: int(found[-1]) for stem in stems if (found := re.findall(r"\d+", stem))}
    inside = {stem: n for stem, n in numbers.items() if n in set(known)}
    unique = len(set(numbers.values())) == len(stems)
    complete = set(numbers.values()) <= set(known) or set(known) <= set(numbers.values())
    if numbering != "order" and unique and inside and (complete or numbering == "number"):
        return inside, "number"
    if numbering != "number" and len(stems) == len(known):
        return dict(zip(sorted(stems, key=_natural), known, strict=True)), "order"
    return None


def _ids(names: set[str]) -> dict[str, int]:
    """Id of every object's name: the number that it begins with, where all begin with one, else their order."""
    numbers = {name: object_number(name) for name in names}
    if all(n is not None for n in numbers.values()) and len(set(numbers.values())) == len(names):
        return {name: n for name, n in numbers.items() if n is not None}
    return {name: k for k, name in enumerate(sorted(names, key=_natural), start=1)}


def spoken_categories(listing: Listing) -> dict[int, str]:
    """Categories as far as the masks' own names say them."""
    return {number: name for number, text in listing.names.items() if (name := spoken(text)) != "object"}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p]


def _no_fit(folder: Path, found: _Found, known: list[int]) -> str:
    example = found.flat[0] if found.flat else found.nested[0][1]
    count = len({p.stem for p in found.flat}) or len(found.nested)
    return (
        f"{folder}: {count} masks such as {example.relative_to(folder)} fit the capture's {len(known)} frames"
        f" ({known[0]} to {known[-1]}) neither by number nor by count: name them by frame number, or set"
        " instances.layout and instances.numbering"
    )
