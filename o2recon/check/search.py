"""The hypothesis that fits best."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.check.agreement import Agreement, Hypothesis, sampled
from o2recon.check.features import Matches
from o2recon.check.hypotheses import SCALES, SIZES, Mistake, focused, given, posed, recentered, resized, scaled, shifted
from o2recon.check.views import Views

ALIKE = 1.1
"""Costs up to this factor (and 0.01) above the best are alike: the simplest of them is meant."""
BETTER = 0.93
"""Of the cost."""
BLIND = 0.05
"""Difference in cost that noise may make."""
KINDS = ("z", "distance", "inverse")
"""What depth files may hold."""

Family = Callable[[Mistake, Float[np.ndarray, "n"]], Iterator[Mistake]]
"""A mistake with each of some factors."""


@dataclass(frozen=True)
class Fit:
    mistake: Mistake
    agreement: Agreement

    @property
    def cost(self) -> float:
        return self.agreement.cost


class Search:
    """Tries hypotheses on one scan. `under`: how well one fits; told whether few of the data are enough.

    `kinds`: of depth, where there is any. `fits`: share of agreeing data from which a mistake explains them.
    """

    def __init__(
        self, views: Views, under: Callable[[Hypothesis, bool], Agreement], *, kinds: Sequence[str], fits: float
    ) -> None:
        self.views, self._under, self._kinds, self._fits = views, under, tuple(kinds), fits
        self.start = given(views)

    def fit(self, mistake: Mistake, *, few: bool = False) -> Fit:
        """`few`: quicker and less exact."""
        return Fit(mistake, self._under(mistake.hypothesis, few))

    def as_given(self) -> Fit:
        """What the scene says, without any mistake."""
        return self.fit(self.start)

    def best(self) -> Fit:
        """The simplest of the single mistakes that fit best; of pairs of pose and depth when no single one fits."""
        fits = [self.as_given(), *map(self.fit, shifted(self.views)), *map(self.fit, posed(self.start))]
        fits += [self._refined(_of_kind(kind), SCALES, (0.08, 0.03, 0.01, 0.004)) for kind in self._kinds]
        fits += [self._refined(family, SIZES, (0.03, 0.01)) for family in (resized, focused)]
        fits.append(self._principal_point())
        found = simplest(fits)
        explained = found.agreement.share >= self._fits or not self._kinds
        return found if explained else simplest([*fits, self._posed_and_scaled()])

    def has_better_neighbor(self, fit: Fit) -> bool:
        """Whether a small change of poses, depth or intrinsics fits clearly better: then a search is worth its time."""
        start, factors = self.start, np.array([0.93, 1.07])
        probes = list(shifted(self.views))
        if self._kinds:
            probes += [*scaled(start, factors), *scaled(start, np.ones(1), "distance")]
        probes += [*resized(start, factors), *focused(start, factors)]
        probes += recentered(start, (0.0, 0.0), reach=0.05, steps=1)
        return any(self.fit(probe).cost < BETTER * fit.cost for probe in probes)

    def blind(self, fit: Fit) -> list[str]:
        """Mistakes that these views could not show: they fit nearly as well as `fit`."""
        start = self.start
        named = {
            "inverted poses": [m for m in posed(start, readings=("inverted",)) if m.name == "inverted_pose"],
            "other camera axes": [m for m in posed(start, readings=("same",)) if m.name == "opengl_axes"],
            "the unit of depth": list(scaled(start, np.array([0.7, 1.4]))),
        }
        return [name for name, tried in named.items() if all(self.fit(m).cost < fit.cost + BLIND for m in tried)]

    def _best(self, mistakes: Iterable[Mistake], *, few: bool = False) -> Fit:
        return min((self.fit(mistake, few=few) for mistake in mistakes), key=lambda fit: fit.cost)

    def _refined(self, family: Family, factors: Float[np.ndarray, "n"], widths: tuple[float, ...]) -> Fit:
        """The best factor, then five around it at each of the widths (shares of it)."""
        fit = self._best(family(self.start, factors))
        for width in widths:
            fit = self._best(family(self.start, fit.mistake.factor * np.exp(np.linspace(-2, 2, 5) * width)))
        return fit

    def _principal_point(self) -> Fit:
        middle, reach = (0.0, 0.0), 0.36
        for _ in range(4):
            fit = self._best(recentered(self.start, middle, reach=reach, steps=3))
            right, down = fit.mistake.values["shift"]
            middle, reach = (right, down), reach / 3
        return fit

    def _posed_and_scaled(self) -> Fit:
        """The best pair of a pose mistake and a depth factor, found on few samples."""
        factors = np.exp(np.arange(np.log(1e-4), np.log(1.2e4), np.log(1.4)))
        starts = list(posed(self.start, readings=("same", "inverted")))
        tried = [self._best(scaled(start, factors), few=True) for start in starts]
        found = int(np.argmin([fit.cost for fit in tried]))
        fit = tried[found]
        for width in (0.12, 0.06, 0.02, 0.007):
            fit = self._best(scaled(starts[found], fit.mistake.factor * np.exp(np.linspace(-2, 2, 5) * width)))
        return fit


def depth_search(views: Views, *, count: int) -> Search:
    """By depth carried between views, on `count` pixels of each."""
    every = {inverted: sampled(views, inverted=inverted, count=count) for inverted in (False, True)}
    some = {inverted: samples.fewer(count // 4) for inverted, samples in every.items()}

    def under(hypothesis: Hypothesis, few: bool) -> Agreement:
        return (some if few else every)[hypothesis.kind == "inverse"].under(hypothesis)

    return Search(views, under, kinds=KINDS, fits=0.8)


def image_search(matches: Matches) -> Search:
    """By matched features; depth and its unit are not looked at."""
    return Search(matches.views, lambda hypothesis, _: matches.under(hypothesis), kinds=(), fits=0.35)


def _of_kind(kind: str) -> Family:
    return lambda start, factors: scaled(start, factors, kind)


def simplest(fits: list[Fit]) -> Fit:
    """Of the fits whose cost is about the least one's, the one with the lowest rank."""
    least = min(fit.cost for fit in fits)
    alike = [fit for fit in fits if fit.cost <= ALIKE * least + 0.01]
    return min(alike, key=lambda fit: (fit.mistake.rank, fit.cost))
