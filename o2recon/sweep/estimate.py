"""How long a run will take, from the results of similar ones."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

PREPARING = ("objects", "volume", "masks", "inpaint", "cues")
"""Keys of `seconds` that are spent once for each prepared folder, whatever runs on it."""


class Estimates:
    """Mean seconds of finished runs, by what they share with the run asked about: the most similar ones count.

    With the start of a process, as far as any of them was a job of a sweep (`start_s`).
    """

    def __init__(self, results: Iterable[dict[str, Any]]) -> None:
        self._fitting: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        self._preparing: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        starts: list[float] = []
        for result in results:
            seconds = result.get("seconds") or {}
            if result.get("status") != "ok" or not seconds:
                continue
            if result.get("start_s"):
                starts.append(float(result["start_s"]))
            spent = sum(v for k, v in seconds.items() if k not in PREPARING)
            prepared = sum(v for k, v in seconds.items() if k in PREPARING)
            names = [str(result.get(k)) for k in ("experiment", "ablation", "scene", "object")]
            for key in _keys(*names):
                self._fitting[key].append(spent)
                self._preparing[key].append(prepared)

        self.start_s = fmean(starts) if starts else 0.0

    def __call__(self, experiment: str, ablation: str, scene: str, object_id: str, *, prepares: bool) -> float | None:
        """Seconds of a run as a job of its own; with its preparation where that is still to be done.

        None when nothing similar ran."""
        for key in _keys(experiment, ablation, scene, object_id):
            if key in self._fitting:
                return self.start_s + fmean(self._fitting[key]) + (fmean(self._preparing[key]) if prepares else 0.0)
        return None


def earlier_results(study: Path) -> list[dict[str, Any]]:
    """The results of a study; of the other studies beside it when it has none."""
    own = _results(study)
    return own or [r for other in sorted(study.parent.glob("*")) if other != study for r in _results(other)]


def _results(study: Path) -> list[dict[str, Any]]:
    found = []
    for file in study.glob("*/*/*/*/seed_*/result.json"):
        try:
            found.append(json.loads(file.read_text()))
        except (OSError, ValueError):
            continue  # just being replaced, or torn: one estimate less
    return [r for r in found if isinstance(r, dict)]


def _keys(experiment: str, ablation: str, scene: str, object_id: str) -> list[tuple[str, ...]]:
    return [
        (experiment, ablation, scene, object_id),
        (experiment, "*", scene, object_id),
        (experiment, ablation, "*", "*"),
        (experiment, "*", "*", "*"),
    ]
