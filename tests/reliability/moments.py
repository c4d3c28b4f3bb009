"""Moments of a run of `kills.start`, as its files show them, from the choice of objects to the report."""

import csv
from collections.abc import Callable
from pathlib import Path

OUT = Path("outputs/main/smoke/none/tiny")


def steps_of(folder: Path, number: int) -> int:
    """Of the newest row of its metrics.csv; 0 when there is none."""
    file = folder / OUT / str(number) / "seed_0/metrics.csv"
    if not file.is_file():
        return 0
    with open(file, newline="") as opened:
        return max((int(row["step"]) for row in csv.DictReader(opened) if (row["step"] or "").isdigit()), default=0)


def logged(text: str) -> Callable[[Path], bool]:
    return lambda folder: text in (folder / "log.txt").read_text()


def made(name: str) -> Callable[[Path], bool]:
    return lambda folder: (folder / OUT / name).is_file()


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "choosing objects": logged("choosing objects"),
    "preparation": logged("object 1 (chair): masks"),
    "training": lambda folder: steps_of(folder, 1) >= 7,
    "meshing": made("1/seed_0/checkpoints/manifest.json"),
    "second training": lambda folder: steps_of(folder, 2) >= 23,
    "report": made("2/seed_0/result.json"),
}
