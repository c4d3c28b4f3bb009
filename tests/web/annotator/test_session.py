"""What the page shows of the sphere, of which every pixel is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from o2recon.cameras import pixel_centers, project, unnormalized_rays, unproject
from o2recon.masks import dilate, erode, painted_file
from o2recon.web.annotator.session import description, hidden_share
from o2recon.workspace import write_image


def carried(capture: Any, source: int, target: int, *, least_cosine: float) -> np.ndarray:
    """Closed form: pixels of `target` behind its plate whose ray meets, on the near or the far side of the sphere, what
    `source` has behind its own plate, where it looks at the surface with at least this cosine."""
    a, b, center = capture.views[source], capture.views[target], capture.sphere.frame.center
    rays = unnormalized_rays(b.camera, pixel_centers(b.camera))
    local = (center - b.camera_to_world[:3, 3]) @ b.camera_to_world[:3, :3]
    squared, along = (rays**2).sum(-1), rays @ local
    root = np.sqrt(np.maximum(along**2 - squared * (local @ local - capture.sphere.radius**2), 0))
    found = np.zeros_like(b.hidden)
    for side in (-1, 1):
        points = unproject(b.camera, b.camera_to_world, pixel_centers(b.camera), (along + side * root) / squared)
        pixels, _ = project(a.camera, a.camera_to_world, points)
        column, row = np.clip(np.floor(pixels).astype(int), 0, a.camera.width - 1).transpose(2, 0, 1)
        back = a.camera_to_world[:3, 3] - points
        cosine = ((points - center) * back).sum(-1) / capture.sphere.radius / np.linalg.norm(back, axis=-1)
        faces = cosine > least_cosine
        found |= b.hidden & faces & a.hidden[row, column]
    return found


def test_preview_carries_the_paint_over_the_known_surface(make_session: Callable[..., Any]) -> None:
    session, capture, _, _ = make_session(mode="sketch", size=128)
    effect = session.effect({0: capture.views[0].hidden})
    large = 0
    for index, view in session.views.items():
        after = view.full(effect.after[index].hidden)
        least = erode(carried(capture, 0, index, least_cosine=0.35), 2)  # where it grazes, pixels lie far apart
        assert not (after & ~dilate(carried(capture, 0, index, least_cosine=0.0), 2)).any()
        assert not (least & ~after).any()
        large += least.sum() > 100
    assert large >= 3
    painted, counted = effect.counted[0]
    assert painted == capture.views[0].hidden.sum() and counted > 0.95 * painted


def test_paint_over_what_was_seen_does_not_count(make_session: Callable[..., Any]) -> None:
    session, capture, _, _ = make_session(mode="sketch")
    truth = capture.views[0]
    background = ~truth.visible & ~truth.hidden & ~truth.unknown & (truth.depth > 2)
    background[:, -12:] = False
    painted, counted = session.effect({0: background}).counted[0]
    assert painted > 100 and counted < 0.05 * painted


def test_preview_is_what_the_mask_stage_writes(make_session: Callable[..., Any]) -> None:
    session, capture, folder, stage = make_session(mode="sketch")
    mask = capture.views[10].hidden.copy()
    mask[:20] = False
    effect = session.effect({10: mask})
    session.store.save(10, mask, expected=None)
    notes = stage(capture, folder)
    for index, view in session.views.items():
        written = folder.read_mask("masks/hidden", index)
        np.testing.assert_array_equal(view.full(effect.after[index].hidden), written)
        assert notes["hidden_share"][str(index)] == round(hidden_share(view, effect.after[index]), 4)


def test_unsaved_paint_replaces_what_is_saved_and_the_scan_s(make_session: Callable[..., Any]) -> None:
    size = 64
    sketch = np.zeros((size, size), bool)
    sketch[20:44, 5:24] = True
    session, capture, _, _ = make_session(sketches={0: sketch})
    assert session.sources()[0] == "scan" and session.sources()[10] == "none"
    assert set(session.effect({}).counted) == {0}
    assert session.effect({0: np.zeros_like(sketch)}).counted == {}
    session.store.save(0, capture.views[0].hidden, expected=None)
    assert session.sources()[0] == "painted"
    np.testing.assert_array_equal(session.sketches()[0], capture.views[0].hidden)
    session.store.remove(0, expected=None)
    np.testing.assert_array_equal(session.sketches()[0], sketch)


def test_nothing_painted_is_the_proposal(make_session: Callable[..., Any]) -> None:
    session, _, _, _ = make_session()
    effect = session.effect({})
    assert effect.counted == {} and all(effect.after[i] is v.before for i, v in session.views.items())


def test_proposed_views_hide_most_and_the_description_is_plain(make_session: Callable[..., Any]) -> None:
    session, _, _, _ = make_session()
    content = description(session)
    areas = {i: v.before.hidden.sum() for i, v in session.views.items()}
    assert 1 <= len(content["best"]) <= 3 and areas[content["best"][0]] == max(areas.values())
    assert [v["view"] for v in content["views"]] == list(session.views) and content["elsewhere"] == []
    assert content["folder"].endswith("objects/1/sketches")


def test_what_cannot_be_painted_is_said_at_once(make_session: Callable[..., Any]) -> None:
    for mode in ("carve", "given"):
        with pytest.raises(ValueError, match=f"masks={mode} ignores sketches"):
            make_session(mode=mode)
    _, _, folder, _ = make_session()
    write_image(painted_file(folder, 0), np.ones((9, 9), bool))
    with pytest.raises(ValueError, match="o2recon annotate"):
        make_session()
