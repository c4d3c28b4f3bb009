"""Methods against each other: one row each, over the objects that all of them have, with confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from o2recon.report.bootstrap import Reduce, bootstrap_interval, object_means
from o2recon.report.collect import Key, Run, method_order
from o2recon.report.table import OBSERVED, SCORES, SECONDS, Cell, Column, Row, Table, mark_best, number_cell, run_values

Scope = Literal["common", "all"]
Values = list[list[float]]
"""Per object the values of its seeds."""

_CLOSED = Column(
    "closed",
    "Closed",
    value=lambda r: None if r.closed is None else float(r.closed),
    digits=2,
    zero_when_failed=True,
)
JUDGED = (
    Column(
        "held_out_depth_cm", "Depth cm", "held out", lambda r: r.number("verdict", "held_out_depth_residual_cm"), 2, -1
    ),
    Column("held_out_silhouette_iou", "Outline", "held out", lambda r: r.number("verdict", "silhouette_iou"), 3, 1),
)
"""What needs no ground truth."""
MEASURES = (*SCORES[:5], *OBSERVED, *SCORES[5:], _CLOSED, *JUDGED, SECONDS)
_HEAD = (
    *(Column(key, key.capitalize(), numeric=False) for key in ("experiment", "ablation", "kind", "over", "statistic")),
    *(Column(key, key.capitalize()) for key in ("objects", "scored", "runs", "failed", "missing")),
)


@dataclass(frozen=True)
class Summary:
    """A mean or median with its 95 % interval; all None where nothing is known."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Methods:
    """All values of a study by method and object. Unfinished runs are no runs here."""

    def __init__(self, runs: Sequence[Run]) -> None:
        finished = [run for run in runs if run.status != "unfinished"]
        self.kinds: dict[Key, str] = {}
        for run in finished:  # one run of our own is enough: a failed one may have lost what says so
            kind = self.kinds.setdefault(run.method, run.kind)
            if kind == "other":
                self.kinds[run.method] = run.kind
        self.methods = sorted(self.kinds, key=lambda m: method_order(m, self.kinds[m]))
        self.places = list(dict.fromkeys(run.place for run in finished))
        self._runs: dict[tuple[Key, Key], list[Run]] = {}
        self._values: dict[tuple[str, Key, Key], dict[str, float]] = {}
        for run in finished:
            self._runs.setdefault((run.method, run.place), []).append(run)
        for column in MEASURES:
            for run, value in zip(finished, run_values(column, finished), strict=True):
                if isinstance(value, float):
                    self._values.setdefault((column.key, run.method, run.place), {})[run.seed] = value

    @property
    def common(self) -> list[Key]:
        """The objects that every method has; an ablation run on fewer of them does not make these fewer."""
        full = [m for m in self.methods if m[1] == "none"] or self.methods
        return [p for p in self.places if all((m, p) in self._runs for m in full)]

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """("all",) when every method has every object, or no object is common."""
        if not self.common or not any(self.missing(m) for m in self.methods):
            return ("all",)
        return ("common", "all")

    def compared(self, scope: Scope) -> list[Key]:
        """The methods with a row in this scope: among common objects not the ablations that lack one."""
        return [m for m in self.methods if scope == "all" or all((m, p) in self._runs for p in self.common)]

    def missing(self, method: Key) -> list[Key]:
        """Objects of the study that this method has not."""
        return [p for p in self.places if (method, p) not in self._runs]

    def runs(self, method: Key, scope: Scope) -> list[Run]:
        return [run for p in self._places(scope) for run in self._runs.get((method, p), [])]

    def values(self, method: Key, key: str, scope: Scope) -> Values:
        """Per object of the scope the seeds' values, as `at` gives them."""
        return [self.at(method, key, place) for place in self._places(scope)]

    def at(self, method: Key, key: str, place: Key) -> list[float]:
        """The seeds' values on one object; [0.0] where the method lacks it and a failure would count as 0."""
        if (method, place) in self._runs:
            return list(self.by_seed(method, key, place).values())
        scored = any((key, other, place) in self._values for other in self.methods)
        zero = next(c for c in MEASURES if c.key == key).zero_when_failed
        return [0.0] if zero and scored else []

    def by_seed(self, method: Key, key: str, place: Key) -> dict[str, float]:
        """The values on one object by seed; {} where there is none."""
        return self._values.get((key, method, place), {})

    def summary(self, method: Key, key: str, scope: Scope, statistic: str = "mean") -> Summary:
        """Mean or median over objects of the mean over seeds."""
        return summarise(self.values(method, key, scope), statistic)

    def _places(self, scope: Scope) -> list[Key]:
        return self.places if scope == "all" else self.common


def summarise(values: Values, statistic: str = "mean") -> Summary:
    """`statistic` "mean" or "median" over objects of the mean over seeds, with its interval."""
    means = object_means(values)
    if not len(means):
        return Summary(None)
    reduce: Reduce = np.mean if statistic == "mean" else np.median
    return Summary(float(reduce(means)), *(bootstrap_interval(values, reduce=reduce) or (None, None)))


def methods_table(methods: Methods) -> Table:
    """Rows by scope, statistic (mean, median) and method; bounds of the intervals in columns for CSV only."""
    bounds = {
        m.key: [Column(f"{m.key}_{end}", f"{m.title} {end}", m.group, csv_only=True) for end in ("low", "high")]
        for m in MEASURES
    }
    columns = (*_HEAD, *(c for m in MEASURES for c in (m, *bounds[m.key])))
    rows: list[Row] = []
    for scope in methods.scopes:
        for statistic in ("mean", "median"):
            group = [_row(methods, method, scope, statistic) for method in methods.compared(scope)]
            if len(group) > 1:
                mark_best(columns, group, range(len(group)))
            rows += group
    return Table(columns, tuple(rows))


def _row(methods: Methods, method: Key, scope: Scope, statistic: str) -> Row:
    runs = methods.runs(method, scope)
    missing = len(methods.missing(method)) if scope == "all" else 0
    objects = len({run.place for run in runs}) + missing
    scored = sum(bool(values) for values in methods.values(method, "complete_f_score_5cm", scope))
    failed = sum(run.status == "failed" for run in runs)
    cells = [Cell(text) for text in (*method, methods.kinds[method], scope, statistic)]
    cells += [number_cell(str(n), 0) for n in (objects, scored, len(runs), failed, missing)]
    for measure in MEASURES:
        found = methods.summary(method, measure.key, scope, statistic)
        cells += [number_cell(x, measure.digits) for x in (found.value, found.low, found.high)]
    return Row(tuple(cells))


def paired_differences(methods: Methods, method: Key, key: str) -> dict[Key, list[float]]:
    """Per object: `method` minus the same experiment's ablation `none`, over the seeds that both have."""
    reference = (method[0], "none")
    found: dict[Key, list[float]] = {}
    for place in methods.places:
        ours, theirs = (methods.by_seed(m, key, place) for m in (method, reference))
        shared = [seed for seed in ours if seed in theirs]
        if shared:
            found[place] = [ours[s] - theirs[s] for s in shared]
    return found
