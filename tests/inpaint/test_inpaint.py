import logging
from pathlib import Path

import numpy as np
import pytest
from sphere_capture import SphereCapture, prepared

from o2recon.inpaint import Classical, Inpaint, Reproject
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


def inpaint(copy: Reproject | None, painter: Classical | None) -> Inpaint:
    return Inpaint(reproject=copy, painter=painter, edge_px=1, observed_evidence=0.5, crop_margin_px=4, seed=0)


def test_every_hidden_pixel_gets_colour_depth_normal_and_confidence(tmp_path: Path) -> None:
    capture, folder = masked(tmp_path)
    notes = inpaint(COPY, PAINT)(capture, folder)
    assert notes["inpainter"] == "reproject+telea" and notes["copied_share"] > 0.5
    assert notes["copied_share"] + notes["painted_share"] == pytest.approx(1, abs=1e-3)
    for view in capture.sphere.views:
        confidence = read_image(folder.image("inpainted/confidence", view.index)) / 255
        assert (confidence[view.visible] == 1).all() and (confidence[view.hidden] > 0.25).all()
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
