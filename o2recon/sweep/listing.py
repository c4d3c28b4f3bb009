"""Runs as lines of plain text, for a terminal of 80 columns and for a log file."""

from collections import Counter
from collections.abc import Sequence

WIDTH = 80


def listing(head: Sequence[str], rows: Sequence[Sequence[str]], *, most: int | None = None) -> list[str]:
    """Aligned lines, `head` first and at most `most` rows; the last column holds notes.

    Notes that do not fit beside their rows are numbered and follow below, each once however many rows share it.
    """
    shown = rows[:most]
    widths = [max(len(row[i]) for row in (head, *shown)) for i in range(len(head) - 1)]
    left = WIDTH - sum(widths) - 2 * len(widths)
    long = dict.fromkeys(row[-1] for row in shown if len(row[-1]) > left)
    numbers = {note: f"[{i}]" for i, note in enumerate(long, start=1)}
    counts = Counter(row[-1] for row in rows)
    lines = [_line(row, widths, numbers.get(row[-1], row[-1])) for row in (head, *shown)]
    for note, number in numbers.items():
        lines.append(f"{number} {note}" + (f" ({counts[note]} times)" if counts[note] > 1 else ""))
    return lines


def _line(row: Sequence[str], widths: Sequence[int], note: str) -> str:
    return "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), note]).rstrip()
