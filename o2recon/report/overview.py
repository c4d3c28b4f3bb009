"""What the page says before any object: charts, where it fails, what was run."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from o2recon.report.charts import Bar, Chart, bar_chart, limits_of, stacked_chart
from o2recon.report.collect import BASELINES, Key, Run, method_name
from o2recon.report.methods import Methods, paired_differences, summarise
from o2recon.report.table import COLUMNS, run_values

_WORST = 8
_THIN_M = 0.03
_SCORES = (
    ("hidden_f_score_5cm", "F-score 5 cm, hidden part"),
    ("hidden_f_score_2cm", "F-score 2 cm, hidden part"),
    ("complete_f_score_5cm", "F-score 5 cm, complete"),
    ("complete_f_score_2cm", "F-score 2 cm, complete"),
)


@dataclass(frozen=True)
class Failure:
    """One object of one of our methods that came out badly. `score`: hidden F 2 cm, else complete, else None."""

    row: int
    run: Run
    score: float | None
    label: str
    reasons: tuple[str, ...]


def score_charts(methods: Methods) -> list[Chart]:
    """F-scores of all methods over the objects that all have; ablations only where there is nothing else."""
    scope = methods.scopes[0]
    places = methods.common if scope == "common" else methods.places
    shown = [m for m in methods.methods if m[1] == "none"] or methods.methods
    charts = []
    for key, title in _SCORES:
        bars = []
        for method in shown:
            found = methods.summary(method, key, scope)
            dots = [(" ".join(p), statistics.fmean(v)) for p in places if (v := methods.at(method, key, p))]
            kind = methods.kinds[method]
            bars.append(Bar(method_name(method), kind, found.value, found.low, found.high, dots, kind == "ours"))
        if any(bar.value is not None for bar in bars):
            charts.append(bar_chart(title, bars, limits=(0.0, 1.0)))
    return charts


def ablation_charts(methods: Methods) -> list[Chart]:
    """Per experiment with ablations: each one's difference to `none`, paired over objects and seeds."""
    charts = []
    for experiment in dict.fromkeys(m[0] for m in methods.methods):
        ablations = [m for m in methods.methods if m[0] == experiment and m[1] != "none"]
        for key, title in _SCORES[1::2] if (experiment, "none") in methods.methods else ():
            bars = [_difference(methods, method, key) for method in ablations]
            ends = [x for b in bars for x in (b.low, b.high, *(v for _, v in b.dots)) if x is not None]
            if ends:
                charts.append(bar_chart(f"{experiment}: change of {title}", bars, limits=limits_of(ends)))
    return charts


def _difference(methods: Methods, method: Key, key: str) -> Bar:
    found = paired_differences(methods, method, key)
    mean = summarise(list(found.values()))
    dots = [(" ".join(place), statistics.fmean(values)) for place, values in found.items()]
    return Bar(method[1], methods.kinds[method], mean.value, mean.low, mean.high, dots)


def time_chart(methods: Methods) -> Chart | None:
    """Mean time per object until the mesh is there, by stage; None when nothing was timed."""
    rows: dict[str, dict[str, float]] = {}
    for method in methods.methods:
        timed = [run.stages for run in methods.runs(method, methods.scopes[0]) if run.seconds is not None]
        stages = dict.fromkeys(stage for parts in timed for stage in parts)
        rows[method_name(method)] = {s: sum(p.get(s, 0.0) for p in timed) / len(timed) for s in stages}
    return stacked_chart("Time per object until the mesh is there", rows) if any(rows.values()) else None


def failures(runs: Sequence[Run], facts: dict[Key, dict[str, Any]]) -> list[Failure]:
    """The worst objects of our own methods without ablations: failed ones first, then by score, then by verdict.

    Of an object's seeds the worst one stands for all.
    """
    hidden, complete = (
        run_values(next(c for c in COLUMNS if c.key == key), runs)
        for key in ("hidden_f_score_2cm", "complete_f_score_2cm")
    )
    mine = [i for i, run in enumerate(runs) if run.kind == "ours" and run.status != "unfinished"]
    mine = [i for i in mine if runs[i].ablation == "none"] or mine
    found = []
    for i in mine:
        label, value = ("hidden F 2 cm", hidden[i]) if hidden[i] is not None else ("F 2 cm", complete[i])
        score = value if isinstance(value, float) else None
        found.append(Failure(i, runs[i], score, label, _reasons(runs[i], facts.get(runs[i].place, {}))))
    grades = {"poor": 0, "fair": 1}
    found.sort(
        key=lambda f: (
            f.run.status == "ok",
            2.0 if f.score is None else f.score,
            grades.get(str(f.run.part("verdict").get("grade")), 2),
        )
    )
    worst = {(f.run.method, f.run.place): f for f in reversed(found)}
    kept = [f for f in found if worst[f.run.method, f.run.place] is f]
    return [f for f in kept if f.run.status != "ok" or _doubtful(f)][:_WORST]


def _doubtful(failure: Failure) -> bool:
    grade = failure.run.part("verdict").get("grade")
    return failure.score < 0.9 if failure.score is not None else grade in ("poor", "fair")


def _reasons(run: Run, facts: dict[str, Any]) -> tuple[str, ...]:
    """What makes the object hard, then what the verdict says."""
    reasons = []
    hidden = facts.get("unseen_share")
    if isinstance(hidden, int | float):
        reasons.append(f"{100 * hidden:.0f} % of its true surface is unseen in every view")
    area, volume = facts.get("area_m2"), facts.get("volume_m3")
    if isinstance(area, int | float) and isinstance(volume, int | float) and area > 0:
        thickness = 2 * volume / area  # of a thin plate: volume = area / 2 * thickness
        if thickness < _THIN_M:
            reasons.append(f"thin: {100 * thickness:.1f} cm on average")
    if run.closed is False:
        reasons.append("its mesh is not closed")
    told = run.part("verdict").get("reason")
    return tuple(reasons) + ((str(told),) if told and run.status == "ok" else ())


def missing_baselines(methods: Methods) -> tuple[str, ...]:
    """The baselines to add where our results stand alone; () when there is one, or none of ours."""
    kinds = set(methods.kinds.values())
    return BASELINES[:3] if "ours" in kinds and "baseline" not in kinds else ()


def facts_of_study(runs: Sequence[Run], facts: dict[Key, dict[str, Any]]) -> dict[str, Any]:
    """What was run, where, how long: the line on top of the page and its foot."""

    def distinct(key: str) -> list[str]:
        return sorted({str(run.result[key]) for run in runs if run.result.get(key)})

    hidden = [f["unseen_share"] for f in facts.values() if isinstance(f.get("unseen_share"), int | float)]
    stamps = [(run.folder / "result.json").stat().st_mtime for run in runs if run.result]
    return {
        "objects": len({run.place for run in runs}),
        "scenes": sorted({run.scene for run in runs}),
        **{status: sum(run.status == status for run in runs) for status in ("ok", "failed", "unfinished")},
        "devices": distinct("device"),
        "encodings": distinct("encoding"),
        "inpainters": distinct("inpainter"),
        "versions": next((run.part("versions") for run in runs if run.part("versions")), {}),
        "seconds": sum((s for run in runs for s in run.stages.values()), 0.0),
        "finished": time.strftime("%Y-%m-%d %H:%M", time.localtime(max(stamps))) if stamps else None,
        "unseen": statistics.fmean(hidden) if hidden else None,
    }
