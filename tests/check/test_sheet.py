"""The picture shows every object's mask, the cameras where they stand, and survives empty scans."""

import numpy as np

from o2recon.check import ConventionCheck, Shown, contact_sheet
from o2recon.check.charts import PAPER, from_above, hue, written
from o2recon.scene import Scene


def has(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(-1).sum())


def test_the_sheet_has_a_row_for_every_object_in_its_colour(check: ConventionCheck, tiny: Scene) -> None:
    report = check(tiny, {})
    one, two = (Shown(i, name, tuple(tiny.indices)) for i, name in ((1, "chair"), (2, "box")))
    small, large = contact_sheet(tiny, [one], report), contact_sheet(tiny, [one, two], report)
    assert large.shape[1] == small.shape[1] and large.shape[0] > small.shape[0] + 100
    assert has(large, hue(2)) > 100 and has(small, hue(2)) == 0 and has(small, hue(1)) > 100


def test_without_objects_and_report_there_is_still_a_picture(tiny: Scene) -> None:
    assert contact_sheet(tiny, [], None).std() > 0


def test_without_depth_the_cameras_are_shown_alone(tiny: Scene) -> None:
    frames = [tiny.frame(i) for i in tiny.indices[:2]]
    for frame in frames:
        frame.depth[:] = 0
    assert has(from_above(tiny, frames, {1: "chair"}, (300, 200)), PAPER) < 300 * 200


def test_objects_lie_where_their_points_are(tiny: Scene) -> None:
    """The path goes anticlockwise from one side to the other: its first camera is blue, its last one red."""
    plan = from_above(tiny, [tiny.frame(i) for i in tiny.indices], {1: "chair"}, (300, 200)).astype(int)
    blue, red = plan[..., 2] - plan[..., 0] > 120, plan[..., 0] - plan[..., 2] > 120
    ends = [tiny.poses[i][:2, 3] for i in (tiny.indices[0], tiny.indices[-1])]
    order = np.sign(np.nonzero(red)[1].mean() - np.nonzero(blue)[1].mean())
    assert order == np.sign(ends[1][0] - ends[0][0])
    assert has(plan, hue(1)) > 20


def test_long_text_breaks_into_lines() -> None:
    short = written("word", 300, color=(0, 0, 0), size=0.5, margin=10)
    long = written("word " * 60, 300, color=(0, 0, 0), size=0.5, margin=10)
    assert len(long) > 4 * len(short) and (long[:, -4:] == PAPER).all()
