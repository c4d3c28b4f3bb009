import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sphere_capture import SphereCapture, prepared

from o2recon.inpaint import (
    AlignedMonocular,
    Classical,
    Consistency,
    EightBit,
    Inpaint,
    Painted,
    Prompt,
    Reproject,
    Request,
)
from o2recon.workspace import ObjectFolder, read_image, write_image

COPY = Reproject(
    tolerance=0.01,
    num_sigmas=2.0,
    erode_px=1,
    num_views=4,
    min_cosine=0.15,
    color_sigma=20.0,
    single_confidence=0.8,
    exposure_samples=300,
    exposure_min_shared=10,
)
PAINT = Classical(algorithm="telea", radius_px=3, confidence=0.3)


def masked(path: Path) -> tuple[SphereCapture, ObjectFolder]:
    """A prepared folder with the true masks."""
    capture, folder = prepared(path)
    for view in capture.sphere.views:
        for kind in ("hidden", "possible", "unknown"):
            write_image(folder.image(f"masks/{kind}", view.index), getattr(view, kind))
    return capture, folder


WARP = Reproject(
    tolerance=0.01,
    num_sigmas=2.0,
    erode_px=0,
    num_views=1,
    min_cosine=0.0,
    color_sigma=20.0,
    single_confidence=1.0,
    exposure_samples=300,
    exposure_min_shared=10,
)
AGREE = Consistency(warp=WARP, num_references=2, reference_degrees=60.0, num_sources=4, color_sigma=20.0, compare=None)
OPTIONS = {"edge_px": 1, "observed_evidence": 0.5, "crop_margin_px": 4, "seed": 0}
PROMPT = Prompt(template="a {category}", aliases={"ball": "football"})


def inpaint(copy: Reproject | None, painter: Classical | None, together: Consistency | None = AGREE) -> Inpaint:
    return Inpaint(reproject=copy, painter=painter, consistency=together, depth=None, prompt=PROMPT, **OPTIONS)


class Recorder:
    """A painter that colours by seed and keeps what it was asked."""

    name, batch_size, draws, confidence, alone = "recorder", 2, True, 1.0, 0.4

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.batches: list[int] = []
        self.released = False

    def on(self, device: str) -> "Recorder":
        return self

    def __call__(self, requests: list[Request], *, cache: Path) -> list[Painted]:
        self.asked += requests
        self.batches.append(len(requests))
        return [self._paint(r) for r in requests]

    def _paint(self, r: Request) -> Painted:
        image = r.image.copy()
        image[r.empty] = r.seed % 251
        return Painted(image, (r.empty | r.drafted).astype(np.float32))

    def release(self) -> None:
        self.released = True


def test_every_hidden_pixel_gets_colour_depth_normal_and_confidence(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    notes = inpaint(COPY, PAINT)(capture, folder)
    assert notes["inpainter"] == "reproject+telea" and notes["copied_share"] > 0.5
    assert notes["copied_share"] + notes["painted_share"] == pytest.approx(1, abs=1e-3)
    for view in capture.sphere.views:
        confidence = read_image(folder.image("inpainted/confidence", view.index)) / 255
        assert (confidence[view.visible] == 1).all() and (confidence[view.hidden] > 0).all()
        assert not confidence[~(view.visible | view.hidden)].any()
        depth = folder.read_depth("inpainted/depth", view.index)
        core = view.hidden & (view.normal[..., 2] < -0.5)
        np.testing.assert_allclose(depth[core], view.object_depth[core], atol=0.01)
        np.testing.assert_allclose(depth[view.visible], view.object_depth[view.visible], atol=0.001)
        cosine = (folder.read_normal("inpainted/normal", view.index) * view.normal).sum(-1)
        assert np.median(cosine[core]) > 0.99


def test_photograph_stays_outside_the_hidden_part(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    inpaint(COPY, PAINT)(capture, folder)
    view = capture.views[0]
    before = read_image(folder.image("images", 0)).astype(int)
    after = read_image(folder.image("inpainted/image", 0)).astype(int)
    assert np.abs(before - after)[~view.hidden].mean() < 3
    truth = 128 + 60 * np.sin(3 * (view.normal @ view.camera_to_world[:3, :3].T) + np.array([0.0, 1.0, 2.0]))
    assert np.abs(after - truth)[view.hidden].mean() < 12


def test_without_in_painting_hidden_pixels_have_no_confidence(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    assert inpaint(None, None)(capture, folder)["inpainter"] == "none"
    for view in capture.sphere.views:
        confidence = read_image(folder.image("inpainted/confidence", view.index))
        np.testing.assert_array_equal(confidence == 255, view.visible)
        np.testing.assert_array_equal(confidence > 0, view.visible)


def test_log_says_which_in_painter_ran(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    capture, folder = masked(tmp_path)
    with caplog.at_level(logging.INFO):
        inpaint(None, PAINT)(capture, folder)
    assert "in-painter: telea" in caplog.text


def test_views_painted_after_each_other_differ_less_than_half_as_much_as_by_themselves(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    notes = inpaint(None, PAINT)(capture, folder)
    assert notes["warped_share"] > 0.02
    assert notes["view_difference"] < 0.5 * notes["view_difference_alone"]


def test_confidence_of_painted_pixels_is_their_agreement_times_what_the_painter_is_worth(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    inpaint(None, PAINT)(capture, folder)
    values = []
    for view in capture.sphere.views:
        confidence = read_image(folder.image("inpainted/confidence", view.index)) / 255
        origin = read_image(folder.image("inpainted/origin", view.index))
        assert (confidence[origin == 1] == 1).all() and not confidence[origin == 0].any()
        values.append(confidence[origin >= 3])
    painted = np.concatenate(values)
    assert painted.max() <= 0.3 + 1 / 255 and painted.std() > 0


def test_views_are_asked_for_in_batches_with_seeds_of_their_own_and_the_alias_as_prompt(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    painter = Recorder()
    stage = Inpaint(reproject=None, painter=painter, consistency=AGREE, depth=None, prompt=PROMPT, **OPTIONS)
    assert stage.on("cpu", seed=3).inputs(folder) == {"painter": "recorder, seed 3"}
    stage(capture, folder)
    assert {r.prompt for r in painter.asked} == {"a football"} and max(painter.batches) == 2
    assert len({r.seed for r in painter.asked}) == len(painter.asked) == len(capture.views)
    assert painter.released
    assert not any((r.empty & r.drafted).any() for r in painter.asked)
    assert any(r.drafted.any() for r in painter.asked) and not painter.asked[0].drafted.any()
    again = Recorder()
    Inpaint(reproject=None, painter=again, consistency=AGREE, depth=None, prompt=PROMPT, **OPTIONS).on("cpu", seed=4)(
        capture, folder
    )
    assert not {r.seed for r in again.asked} & {r.seed for r in painter.asked}


def test_pixels_that_the_painter_gives_up_have_no_confidence_and_keep_the_photograph(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Quitter(Recorder):
        def _paint(self, r: Request) -> Painted:
            painted = super()._paint(r)
            return replace(painted, confidence=np.zeros_like(painted.confidence))

    capture, folder = masked(tmp_path)
    stage = Inpaint(reproject=None, painter=Quitter(), consistency=AGREE, depth=None, prompt=PROMPT, **OPTIONS)
    with caplog.at_level(logging.INFO):
        notes = stage(capture, folder)
    assert notes["painted_share"] == 0 and notes["view_difference"] is None
    assert "differ by" not in caplog.text
    for view in capture.sphere.views:
        assert not read_image(folder.image("inpainted/confidence", view.index))[view.hidden].any()
        photo = read_image(folder.image("images", view.index)).astype(int)
        assert np.abs(photo - read_image(folder.image("inpainted/image", view.index)))[view.hidden].mean() < 3


def test_monocular_depth_of_the_painted_view_is_aligned_to_what_was_seen(tmp_path: Path) -> None:
    class Perfect:
        convention = "inverse"

        def __call__(self, images: Sequence[np.ndarray], *, device: str) -> list[np.ndarray]:
            depths = [next(order).object_depth for _ in images]
            return [(2 / np.where(depth > 0, depth, 9) - 0.3).astype(np.float32) for depth in depths]

    capture, folder = masked(tmp_path)
    order = iter(capture.sphere.views)
    volume = folder.read_volume()
    folder.write_volume(replace(volume, sdf=volume.sdf + 0.05, evidence=np.zeros_like(volume.evidence)))
    for depth, error in ((None, 0.02), (AlignedMonocular(network=Perfect(), min_pixels=20), 0.004)):
        stage = Inpaint(reproject=None, painter=PAINT, consistency=None, depth=depth, prompt=PROMPT, **OPTIONS)
        stage(capture, folder)
        found = [
            np.abs(folder.read_depth("inpainted/depth", v.index) - v.object_depth)[v.hidden]
            for v in capture.sphere.views
        ]
        assert (np.median(np.concatenate(found)) < error) == (depth is not None)


def test_depth_as_an_8_bit_picture_changes_only_surface_that_nobody_saw(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    volume = folder.read_volume()
    folder.write_volume(replace(volume, evidence=np.zeros_like(volume.evidence)))
    stage = Inpaint(
        reproject=None, painter=PAINT, consistency=None, depth=EightBit(headroom=1.1), prompt=PROMPT, **OPTIONS
    )
    assert stage(capture, folder)["depth"] == "eight_bit"
    for view in capture.sphere.views:
        depth = folder.read_depth("inpainted/depth", view.index)
        np.testing.assert_allclose(depth[view.visible], view.object_depth[view.visible], atol=0.001)
        assert (depth[view.hidden] > 0).all()
        assert np.median(np.abs(depth - view.object_depth)[view.hidden]) < 0.1
