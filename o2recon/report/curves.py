"""metrics.csv -> small line charts, as points for inline SVG."""

import csv
import logging
import math
from dataclasses import dataclass
from pathlib import Path

_LOG = logging.getLogger(__name__)

_POINTS = 160


@dataclass(frozen=True)
class Curve:
    """`points`: SVG polyline coordinates in a box of 100 x 32, y down. `first`, `last`: values as text."""

    name: str
    points: str
    first: str
    last: str
    steps: int


def read_curves(file: Path, limit: int) -> list[Curve]:
    """At most `limit` curves, validation first, then total losses, then the other columns as they come."""
    if not file.is_file():
        return []
    columns: dict[str, list[tuple[float, float]]] = {}
    with open(file, newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle)):
            step = _number(row.get("step"))
            for name, text in row.items():
                value = _number(text)
                if value is not None and name not in (None, "step", "epoch", "seconds"):
                    columns.setdefault(name, []).append((number if step is None else step, value))
    names = [n for n in columns if len(columns[n]) > 1]
    names.sort(key=lambda n: (not n.startswith("val/"), n not in ("train/loss", "train/loss/total", "loss")))
    return [_curve(name, columns[name]) for name in names[:limit]]


def _curve(name: str, series: list[tuple[float, float]]) -> Curve:
    stride = math.ceil(len(series) / _POINTS)
    kept = series[::stride] if (len(series) - 1) % stride == 0 else [*series[::stride], series[-1]]
    values = [v for _, v in kept]
    low, high = min(values), max(values)
    left, right = kept[0][0], max(kept[-1][0], kept[0][0] + 1e-9)
    span = (high - low) or 1.0
    points = " ".join(f"{100 * (s - left) / (right - left):.1f},{30 - 28 * (v - low) / span:.1f}" for s, v in kept)
    return Curve(name, points, f"{series[0][1]:.3g}", f"{series[-1][1]:.3g}", int(series[-1][0]))


def _number(text: object) -> float | None:
    try:
        value = float(text) if isinstance(text, str) and text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
