from dataclasses import replace

import numpy as np
import pytest
from sphere_capture import prepared

from o2recon.inpaint import (
    NOTHING,
    PAINTED,
    WARPED,
    Canvas,
    CompletedGeometry,
    Consistency,
    Reproject,
    agreements,
    mean_difference,
)
from o2recon.masks import Crop

WARP = Reproject(
    tolerance=0.02,
    num_sigmas=0.0,
    erode_px=0,
    num_views=1,
    min_cosine=0.0,
    color_sigma=20.0,
    single_confidence=1.0,
    exposure_samples=10,
    exposure_min_shared=10,
)


def consistency(**changes: float) -> Consistency:
    options = {"num_references": 2, "reference_degrees": 60.0, "num_sources": 4, "color_sigma": 20.0, "compare": None}
    return Consistency(warp=WARP, **{**options, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def canvases(tmp_path_factory: pytest.TempPathFactory) -> list[Canvas]:
    """The sphere's 8 views, 45 degrees apart; all of it is still to be painted."""
    capture, folder = prepared(tmp_path_factory.mktemp("sphere"))
    found = []
    for record in folder.read_record().views:
        view = capture.views[record.index]
        hidden = view.visible | view.hidden
        shape = hidden.shape
        found.append(
            Canvas(
                view=record,
                crop=Crop(0, 0, *shape),
                visible=np.zeros(shape, bool),
                hidden=hidden,
                fused=hidden,
                nearest=np.zeros(shape, np.float32),
                geometry=CompletedGeometry(view.object_depth, view.normal),
                image=np.zeros((*shape, 3), np.uint8),
                confidence=np.zeros(shape, np.float32),
                origin=np.full(shape, NOTHING, np.uint8),
            )
        )
    return found


def painted(canvas: Canvas, gain: float = 1.0) -> Canvas:
    """As a perfect in-painter leaves it: a smooth function of the surface's direction, times the view's exposure."""
    world = canvas.geometry.normal @ canvas.view.camera_to_world[:3, :3].T
    color = gain * (128 + 60 * np.sin(3 * world + np.array([0.0, 1.0, 2.0])))
    full = canvas.copy()
    full.image[full.hidden] = np.rint(color[full.hidden]).astype(np.uint8)
    full.origin[full.hidden] = PAINTED
    return full


def test_reference_views_come_first_and_lie_apart_then_always_the_nearest(canvases: list[Canvas]) -> None:
    rounds = consistency().rounds(canvases, np.zeros(3), 1)
    order = [i for batch in rounds for i in batch]
    assert sorted(order) == list(range(8)) and max(map(len, rounds)) == 1

    towards = np.array([c.view.camera_to_world[:3, 3] for c in canvases])
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    cosine = towards @ towards.T
    assert cosine[order[0], order[1]] <= np.cos(np.radians(60.0))
    for n in range(2, 8):
        nearest = cosine[np.ix_(order[n:], order[:n])].max(-1)
        assert nearest[0] == pytest.approx(nearest.max())


def test_rounds_hold_a_batch_and_views_without_anything_to_paint_are_left_out(canvases: list[Canvas]) -> None:
    some = [replace(c, hidden=np.zeros_like(c.hidden)) if k == 3 else c for k, c in enumerate(canvases)]
    rounds = consistency(num_references=3).rounds(some, np.zeros(3), 4)
    assert sorted(i for batch in rounds for i in batch) == [0, 1, 2, 4, 5, 6, 7]
    assert len(rounds[0]) == 3 and max(map(len, rounds)) == 4


def test_a_draft_shows_the_other_views_painting_in_this_views_exposure(canvases: list[Canvas]) -> None:
    target, truth = canvases[0].copy(), painted(canvases[0], 0.8)
    given = consistency().draft(
        target, np.full(3, 0.8), [(painted(canvases[1]).as_source(), np.ones(3))], lambda z: np.zeros_like(z)
    )
    assert 0.1 < given.sum() / target.hidden.sum() < 0.9
    np.testing.assert_array_equal(target.origin == WARPED, given)
    assert np.abs(target.image[given].astype(int) - truth.image[given]).mean() < 3
    assert not target.image[~given].any()


def test_paintings_of_the_same_surface_agree_and_differences_are_measured(canvases: list[Canvas]) -> None:
    tolerance = consistency().tolerance(lambda z: np.zeros_like(z))
    gains = np.ones((8, 3)) * np.linspace(0.8, 1.2, 8)[:, None]
    same = agreements([painted(c, g[0]) for c, g in zip(canvases, gains, strict=True)], gains, tolerance)
    assert mean_difference(same) < 5  # type: ignore[operator]
    off = [painted(c) for c in canvases]
    off[0].image[off[0].hidden] += 30
    found = agreements(off, np.ones((8, 3)), tolerance)
    np.testing.assert_allclose(np.nanmedian(found[0].difference), 30, atol=2)
    sure = found[0].confidence(color_sigma=20.0, alone=0.4)
    compared = ~np.isnan(found[0].difference)
    assert (sure[~compared] == np.float32(0.4)).all()
    np.testing.assert_allclose(np.median(sure[compared]), np.exp(-0.5 * 1.5**2), atol=0.05)


def test_what_stands_beside_a_painting_does_not_bleed_into_other_views(canvases: list[Canvas]) -> None:
    clean, dirty = painted(canvases[1]), painted(canvases[1])
    dirty.image[~dirty.hidden] = 255
    drafts = []
    for source in (clean, dirty):
        target = canvases[0].copy()
        consistency().draft(target, np.ones(3), [(source.as_source(), np.ones(3))], lambda z: np.zeros_like(z))
        drafts.append(target.image)
    np.testing.assert_array_equal(*drafts)


def test_nothing_painted_has_no_difference(canvases: list[Canvas]) -> None:
    found = agreements(canvases, np.ones((8, 3)), consistency().tolerance(lambda z: np.zeros_like(z)))
    assert mean_difference(found) is None


def test_at_least_one_reference_is_needed() -> None:
    with pytest.raises(ValueError, match="num_references is 0"):
        consistency(num_references=0)
