"""One picture of a scan: what was found, every object's mask in a few frames, the cameras from above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from o2recon.check.charts import INK, PALE, PAPER, from_above, histogram, hue, labelled, written
from o2recon.check.findings import Report
from o2recon.progress import track
from o2recon.scene import Scene
from o2recon.types import Frame

WIDTH = 1500
MARGIN = 20
COLUMN = 200
"""Pixels for the names of objects."""
PER_OBJECT = 5
"""Frames shown of each object."""
MAX_OBJECTS = 16
CHART_HEIGHT = 460
LEVEL_COLORS = {"ok": (30, 120, 60), "untested": (110, 110, 110), "doubtful": (190, 110, 0), "wrong": (190, 30, 30)}

Picture = UInt8[np.ndarray, "rows columns 3"]


@dataclass(frozen=True)
class Shown:
    """An object on the sheet: its id in the instance images and the frames that show it well."""

    id: int
    category: str
    frames: tuple[int, ...]


def contact_sheet(scene: Scene, objects: Sequence[Shown], report: Report | None) -> Picture:
    """Text, one row of frames per object, then the plan and the histogram of depth residuals.

    Reads at most 5 frames per object; without objects 5 frames in all. Damaged ones are left out.
    """
    shown = list(objects)[:MAX_OBJECTS]
    wanted = {o.id: _spread(o.frames) for o in shown} or {0: _spread(scene.indices)}
    listed = sorted({i for frames in wanted.values() for i in frames})
    frames = {frame.index: frame for frame in track(scene.frames(listed), description="check.jpg", total=len(listed))}
    parts = [_headline(scene, report, left_out=len(objects) - len(shown))]
    rows = shown or [Shown(0, "frames", ())]
    parts += [_row(o, [frames[i] for i in wanted[o.id] if i in frames], hue(o.id)) for o in rows]
    parts.append(_charts(scene, shown, list(frames.values()), report))
    return np.concatenate(parts)


def _spread(frames: Sequence[int]) -> list[int]:
    """A few of the frames, evenly spread, the very first and last ones left out when there are enough."""
    places = (np.arange(PER_OBJECT) + 0.5) * len(frames) / PER_OBJECT
    return sorted({frames[int(place)] for place in places}) if frames else []


def _headline(scene: Scene, report: Report | None, *, left_out: int) -> Picture:
    size = f"{len(scene.indices)} frames of {scene.camera.width} x {scene.camera.height} pixels"
    lines = [(f"{scene.name}: {size}", INK, 0.9)]
    for finding in report.findings if report else ():
        lines.append((f"{finding.level}: {finding.line()}", LEVEL_COLORS[finding.level], 0.5))
    if left_out:
        lines.append((f"{left_out} more objects are not shown", INK, 0.5))
    lines.append(("", INK, 0.3))
    return np.concatenate([written(text, WIDTH, color=color, size=size, margin=MARGIN) for text, color, size in lines])


def _row(shown: Shown, frames: Sequence[Frame], color: tuple[int, int, int]) -> Picture:
    """Name and frames of one object, its mask tinted and outlined."""
    width = (WIDTH - COLUMN - MARGIN) // PER_OBJECT - 8
    if not frames:
        return np.full((30, WIDTH, 3), PAPER, np.uint8)
    height = max(round(width * f.color.shape[0] / f.color.shape[1]) for f in frames)
    row = np.full((height + 10, WIDTH, 3), PAPER, np.uint8)
    about = f"object {shown.id}: {len(shown.frames)} frames" if shown.id else ""
    texts = [(shown.category, color, 0.6), (about, INK, 0.42)]
    lines = [written(text, COLUMN, color=c, size=size, margin=MARGIN) for text, c, size in texts]
    named = np.concatenate(lines)[:height]
    row[: len(named), :COLUMN] = named
    for place, frame in enumerate(frames):
        picture = _overlaid(frame.color, frame.instance == shown.id if shown.id else None, color, width)
        labelled(picture, str(frame.index), (4, 16))
        left = COLUMN + place * (width + 8)
        row[: len(picture), left : left + width] = picture
    return row


def _overlaid(
    color: Picture, mask: Bool[np.ndarray, "rows columns"] | None, tint: tuple[int, int, int], width: int
) -> UInt8[np.ndarray, "small_rows small_columns 3"]:
    height = round(width * color.shape[0] / color.shape[1])
    small = np.asarray(cv2.resize(color, (width, height), interpolation=cv2.INTER_AREA))
    if mask is None:
        return small.copy()
    inside = np.asarray(cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST))
    tinted = np.where(inside[..., None] > 0, 0.65 * small + 0.35 * np.array(tint), small).astype(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tinted, outlines, -1, tint, 1, cv2.LINE_AA)
    return tinted


def _charts(scene: Scene, shown: Sequence[Shown], frames: Sequence[Frame], report: Report | None) -> Picture:
    names: Mapping[int, str] = {o.id: o.category for o in shown}
    chart = np.full((CHART_HEIGHT + MARGIN, WIDTH, 3), PAPER, np.uint8)
    chart[:2] = PALE
    plan = from_above(scene, frames, names, (WIDTH * 3 // 5, CHART_HEIGHT))
    chart[MARGIN:, : plan.shape[1]] = plan
    if report is not None and report.residuals:
        bars = histogram(report.residuals, report.edges, (WIDTH - plan.shape[1] - MARGIN, CHART_HEIGHT))
        chart[MARGIN:, plan.shape[1] : plan.shape[1] + bars.shape[1]] = bars
    return chart
