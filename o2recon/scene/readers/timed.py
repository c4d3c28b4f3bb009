"""Lists of files and numbers by time, as RGB-D benchmarks write them, and which entries of two belong together."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.readers.naming import inside

MAX_BYTES = 1 << 28
"""Largest list that is read."""
MAX_TIME = 1e12
"""Seconds; what is beyond is no time."""
MAX_NAME = 255
"""Characters of a file's name with its folders: longer ones name no image of a recording."""


@dataclass(frozen=True)
class TimedFiles:
    """Files by time, seconds, ascending."""

    times: Float[np.ndarray, "files"]
    files: tuple[Path, ...]


def read_files(root: Path, name: str) -> TimedFiles:
    """A list of `time file` lines. ValueError when it is missing, no such list, or names a file outside `root`."""
    entries = []
    for number, line in _lines(root / name):
        words = line.split()
        try:
            entries.append((float(words[0]), inside(root, words[1], f"{root / name}, line {number}")))
        except IndexError as error:
            raise ValueError(f"{root / name}, line {number} is no line of time and file") from error
        except ValueError as error:
            if str(root) in str(error):
                raise
            raise ValueError(f"{root / name}, line {number} does not begin with a time in seconds") from error
    entries = [entry for entry in entries if abs(entry[0]) < MAX_TIME]
    if not entries:
        raise ValueError(f"{root / name} lists no file: each line must be time and file")
    entries.sort()
    return TimedFiles(np.array([time for time, _ in entries]), tuple(file for _, file in entries))


def read_numbers(path: Path) -> list[tuple[float, ...]]:
    """The numbers of each line; comments and empty lines are left out. ValueError for what is no number."""
    rows = []
    for number, line in _lines(path):
        try:
            rows.append(tuple(float(word) for word in line.split()))
        except ValueError as error:
            raise ValueError(f"{path}, line {number} holds more than numbers: export the file again") from error
    return rows


def paired(first: Float[np.ndarray, "first"], second: Float[np.ndarray, "second"], tolerance: float) -> dict[int, int]:
    """Which entry of `second` belongs to which of `first` (both ascending): nearest first, each used once.

    The result of the TUM benchmark's associate.py, in O(n) for evenly spaced lists.
    """
    candidates = []
    for i, time in enumerate(first):
        start, end = np.searchsorted(second, (time - tolerance, time + tolerance))
        candidates += [(abs(second[j] - time), i, j) for j in range(start, min(end, start + MAX_CANDIDATES))]
    pairs: dict[int, int] = {}
    taken = set()
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


MAX_CANDIDATES = 64
"""Entries that are looked at for one time: lists with more of them within the tolerance are no recordings."""


def _lines(path: Path) -> list[tuple[int, str]]:
    """Numbered lines without comments; commas and tabulators are blanks, as for associate.py."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path} has more than {MAX_BYTES >> 20} MB: it is no list of a recording")
        text = path.read_text(errors="replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): scene.root must be a TUM RGB-D folder") from error
    lines = ((number, line.replace(",", " ").strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
