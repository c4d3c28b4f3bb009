"""The test of a capture's conventions before anything is computed from it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.check.agreement import TOLERANCE, WORST, Agreement
from o2recon.check.color import ColorOffset, color_offset
from o2recon.check.features import matched
from o2recon.check.findings import Finding, Report
from o2recon.check.outlines import OutlineOffset, outline_offset
from o2recon.check.remedies import about_color, about_outlines, told
from o2recon.check.search import Fit, Search, depth_search, image_search
from o2recon.check.views import Views, read_views
from o2recon.scene import Scene
from o2recon.types import Camera

BINS = 41
POSES, IMAGES, COLOR, IDS = "poses and depth", "poses and images", "colour and depth", "ids and depth"
LEAST_PAIRS = 3
EXPLAINED = 0.5
"""Share of agreeing pixels that a mistake must bring about to be named."""
GAIN = 0.04
"""Share of agreeing data that a mistake must add, or a twentieth of it that it must take off the median residual."""
MATCHING = 0.35
"""Share of matched features that must lie on their epipolar lines; the others are wrong matches."""
MANY_RIMS = 3000
"""Pixels of rims from which it is strange that colour meets them nowhere."""


class ConventionCheck:
    """Carries depth between a few views and compares, then looks whether colour and the outlines of ids lie on depth.

    `pairs`: at most so many pairs of frames are compared, with `samples` pixels each. `agreeing`: share of them that
    should agree within 3 % of the depth. `wrong`: share below which something is surely wrong when enough of the
    pictures overlaps. `shifts`: poses of frames so many places away are tried. `color_offset`, `color_wrong`: share of
    the image's width by which colour may lie beside depth before that is doubtful, and wrong. `outline_offset`: the
    same for outlines outside or inside of where depth ends; that is never wrong.
    """

    def __init__(
        self,
        *,
        pairs: int,
        samples: int,
        agreeing: float,
        wrong: float,
        shifts: Sequence[int],
        color_offset: float,
        color_wrong: float,
        outline_offset: float,
    ) -> None:
        self._pairs, self._samples, self._shifts = pairs, samples, tuple(shifts)
        self._agreeing, self._wrong = agreeing, wrong
        self._color_offset, self._color_wrong, self._outline_offset = color_offset, color_wrong, outline_offset

    def __call__(self, scene: Scene, options: Mapping[str, Any]) -> Report:
        """`options`: the scene's config, from which remedies are told. Reads at most 2 x `pairs` frames."""
        views = read_views(scene, anchors=max(self._pairs // 2, 1), shifts=self._shifts)
        pairs, width = len(views.pairs) // 2, scene.camera.width
        if pairs < LEAST_PAIRS:
            few = f"only {pairs} pairs of frames can be compared, {LEAST_PAIRS} are needed"
            return Report((_untested(POSES, f"poses could not be tested: {few}"),), views.indices, pairs)
        if not scene.has_depth:
            return Report(self._without_depth(views, options, width), views.indices, pairs)
        search = depth_search(views, count=self._samples)
        given = search.as_given()
        findings = [self._posed(search, given, options, width)]
        if findings[0].level != "wrong":
            outlines = outline_offset(zip(views.ids, (depth for _, depth in views.pictures), strict=True))
            findings.append(self._colored(color_offset(views.pictures), outlines, scene, options))
            if scene.has_instances:
                findings.append(self._outlined(outlines, width))
        counts, edges = np.histogram(given.agreement.residuals, BINS, (-WORST, WORST))
        percent = tuple(np.round(100 * edges, 3).tolist())
        return Report(tuple(findings), views.indices, pairs, tuple(counts.tolist()), percent)

    # ---- poses and depth ----

    def _posed(self, search: Search, given: Fit, options: Mapping[str, Any], width: int) -> Finding:
        now = given.agreement
        if now.share >= self._agreeing and now.is_tested and not search.has_better_neighbor(given):
            return _passed(search, given)
        best = search.best()
        level = _level(given, best, explained=EXPLAINED)
        if level == "ok":
            return self._unexplained(search, given)
        after = best.agreement
        evidence = (
            f"then depth of {after.share:.0%} of the pixels agrees between views, now of {now.share:.0%};"
            f" median residual then {_percent(after.median)}, now {_percent(now.median)}"
        )
        return _mistaken(POSES, level, best, options, _numbers(now), evidence, search.views, width)

    def _unexplained(self, search: Search, given: Fit) -> Finding:
        """Nothing known fits better."""
        now, numbers = given.agreement, _numbers(given.agreement)
        if not now.is_tested:
            seen = f"only {now.overlap:.0%} of the pixels are seen in another of the frames"
            return _untested(POSES, f"poses could not be tested: {seen}", numbers)
        if now.share >= self._agreeing or (now.through <= 1 - self._agreeing and now.median <= TOLERANCE / 2):
            return _passed(search, given)  # what is missing is covered, or noise
        message = f"only {_agreeing(now)}, and no known mistake explains it"
        level = "wrong" if now.share < self._wrong else "doubtful"
        return Finding(POSES, level, "unknown", message, "look at the poses: they may drift", numbers=numbers)

    # ---- without depth ----

    def _without_depth(self, views: Views, options: Mapping[str, Any], width: int) -> tuple[Finding, ...]:
        """Poses and intrinsics by matched features; the unit of the poses remains unknown."""
        unit = _untested(POSES, "the unit of the poses could not be tested: there is no depth")
        matches = matched(views)
        if not matches.is_enough:
            few = f"only {len(matches.pair)} features could be matched between {len(views.pairs) // 2} pairs of frames"
            return unit, _untested(IMAGES, f"poses and intrinsics could not be tested: {few}")
        search = image_search(matches)
        given = search.as_given()
        now, numbers = given.agreement, {"matches": len(matches.pair)} | _numbers(given.agreement)
        told = f"{now.share:.0%} of {len(matches.pair)} matched features lie where the poses have them"
        best = search.best()
        level = _level(given, best, explained=MATCHING)
        if level != "ok":
            evidence = f"then {best.agreement.share:.0%} of {len(matches.pair)} matched features lie where the poses"
            evidence += f" have them, now {now.share:.0%}"
            return _mistaken(IMAGES, level, best, options, numbers, evidence, views, width), unit
        if now.share >= MATCHING:
            return Finding(IMAGES, "ok", "none", told, numbers=numbers), unit
        message = f"only {told}, and no known mistake explains it"
        return Finding(IMAGES, "doubtful", "unknown", message, "look at the poses", numbers=numbers), unit

    # ---- colour ----

    def _colored(
        self, found: ColorOffset, outlines: OutlineOffset, scene: Scene, options: Mapping[str, Any]
    ) -> Finding:
        width = scene.camera.width
        numbers = {k: round(v, 3) if isinstance(v, float) else v for k, v in vars(found).items()}
        if not found.is_tested:
            if found.rims < MANY_RIMS:
                few = f"depth has only {found.rims} pixels of clear rims"
                return _untested(COLOR, f"whether colour lies on depth could not be tested: {few}", numbers)
            message = f"colour has no edges where depth has rims ({found.rims} pixels), at no offset"
            remedy = "look whether colour belongs to other frames"
            return Finding(COLOR, "doubtful", "unknown", message, remedy, numbers=numbers)
        off = np.hypot(found.right, found.down) / width + abs(found.size - 1) / 2
        where = f"({found.right:+.1f}, {found.down:+.1f}) of {width} pixels"
        least = max(self._color_offset, 2 / width)
        if off <= least:
            off_px = np.hypot(found.right, found.down)
            told = f"colour lies on depth, {off_px:.1f} pixels off in images {width} wide"
            return Finding(COLOR, "ok", "none", told, numbers=numbers)
        larger = "" if found.size == 1 else f" and is {found.size:.3g} times as large"
        message = f"colour and depth are not registered: colour lies {where} (right, down) beside depth{larger}"
        remedy = about_color(found, options, pixels=color_pixels(scene), ids_lie_on_depth=outlines.is_tested)
        level = "wrong" if off > max(self._color_wrong, 2 * least) else "doubtful"
        return Finding(COLOR, level, "unregistered_color", message, remedy, numbers=numbers)

    def _outlined(self, found: OutlineOffset, width: int) -> Finding:
        numbers = {"outside": round(found.outside, 2), "share": round(found.share, 3), "rims": found.rims}
        if not found.is_tested:
            few = f"of {found.rims} pixels of depth's rims near outlines {found.share:.0%} are at one distance"
            return _untested(
                IDS, f"whether outlines of object ids end where depth does could not be tested: {few}", numbers
            )
        where = f"{abs(found.outside):.1f} pixels {'outside' if found.outside > 0 else 'inside'} of where depth ends"
        message = f"outlines of object ids lie {where}, in images {width} wide"
        if abs(found.outside) <= max(self._outline_offset * width, 2):
            return Finding(IDS, "ok", "none", message, numbers=numbers)
        name = "wide_outlines" if found.outside > 0 else "narrow_outlines"
        return Finding(IDS, "doubtful", name, message, about_outlines(found), numbers=numbers)


def _mistaken(
    about: str,
    level: str,
    best: Fit,
    options: Mapping[str, Any],
    numbers: dict[str, Any],
    evidence: str,
    views: Views,
    width: int,
) -> Finding:
    sentence, remedy = told(best.mistake, options, median_depth=_median_depth(views), width=width)
    message = sentence if level == "wrong" else f"it seems that {sentence}"
    numbers["with_it"] = _numbers(best.agreement) | {"values": best.mistake.values}
    return Finding(about, level, best.mistake.name, message, remedy, evidence, numbers)


def _level(given: Fit, best: Fit, *, explained: float) -> str:
    """How sure it is that `best` is meant and not what the config says."""
    before, after = given.agreement, best.agreement
    if best.mistake.rank == 0 or after.share < explained or after.cost > 0.9 * before.cost or not after.is_tested:
        return "ok"
    if after.share < before.share + GAIN and after.median > before.median - GAIN / 20:
        return "ok"
    if after.cost < 0.6 * before.cost or after.median < 0.5 * before.median:
        return "wrong"
    return "doubtful" if after.median < 0.8 * before.median else "ok"


def _passed(search: Search, given: Fit) -> Finding:
    message, blind = _agreeing(given.agreement), search.blind(given)
    if blind:
        message += f"; the cameras move too little to show {', '.join(blind)}"
    level = "untested" if len(blind) == 3 else "ok"
    return Finding(POSES, level, "none", message, numbers=_numbers(given.agreement) | {"blind": blind})


def _untested(about: str, message: str, numbers: dict[str, Any] | None = None) -> Finding:
    return Finding(about, "untested", "none", message, numbers=numbers or {})


def _agreeing(now: Agreement) -> str:
    return f"{now.share:.0%} of the pixels agree in depth between views (median residual {_percent(now.median)})"


def _numbers(now: Agreement) -> dict[str, Any]:
    return {
        "agreeing_share": round(now.share, 4),
        "median_residual_percent": round(100 * now.median, 3) if np.isfinite(now.median) else None,
        "looked_through_share": round(now.through, 4),
        "overlap": round(now.overlap, 4),
    }


def color_pixels(scene: Scene) -> Float[np.ndarray, "2"] | None:
    """Pixels of the stored colour images on one of the working images, across and along; None where nobody knows."""
    stored: Camera | None = getattr(scene, "color_camera", None)
    return None if stored is None else np.diag(stored.intrinsics)[:2] / np.diag(scene.camera.intrinsics)[:2]


def _median_depth(views: Views) -> float:
    known = views.depth[views.depth > 0]
    return float(np.median(known)) if known.size else 0.0


def _percent(share: float) -> str:
    if not np.isfinite(share):
        return "unknown"
    return f"{share:.1%}" if share < TOLERANCE else f"{share:.0%}"
