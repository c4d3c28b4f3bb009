"""Sketches whose depth is painted: the paper's route from a sketch to masks in every view."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from sphere_capture import prepared

from o2recon.cli.build import build
from o2recon.inpaint import SketchedDepthMasks
from o2recon.models import MissingWeights
from o2recon.workspace import read_image


def masks(choice: str, *overrides: str) -> SketchedDepthMasks:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=prepare", f"masks={choice}", "device=cpu", *overrides])
    stage: SketchedDepthMasks = build(config.masks)
    return stage


def test_painted_depth_goes_on_from_the_objects_own_within_a_grey_level(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    record, frame, view = folder.read_record(), capture.frame(0), capture.views[0]
    stage = masks("paper_telea")
    depth = stage.painted_depth(frame, record, view.hidden, tmp_path)
    named = frame.instance == record.object
    assert named.any() and view.hidden.any()
    white = 1.1 * frame.depth[named].max()
    painted = view.hidden & (depth > 0)
    assert np.count_nonzero(painted) > 0.95 * np.count_nonzero(view.hidden)
    low, high = frame.depth[named & (frame.depth > 0)].min(), frame.depth[named].max()
    assert depth[painted].min() > low - white / 255 and depth[painted].max() < high + white / 255


def test_a_sketch_reaches_the_other_views_through_painted_depth(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    capture.painted = {0: capture.views[0].hidden}
    notes = masks("paper_telea")(capture, folder)
    assert notes["mode"] == "sketch" and notes["sketch_depth"] == "telea"
    claimed = {i for i in capture.views if read_image(folder.image("masks/hidden", i)).any()}
    assert 0 in claimed and len(claimed) > 1
    hidden = folder.read_mask("masks/hidden", 0)
    truth = capture.views[0].hidden
    assert np.count_nonzero(hidden & truth) > 0.9 * np.count_nonzero(truth)


def test_the_painter_is_among_what_the_masks_are_made_from(tmp_path: Path) -> None:
    _, folder = prepared(tmp_path)
    assert masks("paper_telea").inputs(folder)["painter"] == "telea"
    assert masks("paper").inputs(folder)["painter"].startswith("diffusion(")


def test_without_weights_the_remedy_is_named_before_anything_is_painted(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    capture.painted = {0: capture.views[0].hidden}
    nowhere = "masks.painter.pipeline.model=nobody/nothing"
    with pytest.raises(MissingWeights, match=r"cannot run here: .*experiment=o2recon_classical, masks=paper_telea"):
        masks("paper", nowhere)(capture, folder)


def test_a_frame_without_the_object_has_no_painted_depth(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    frame = capture.frame(0)
    empty = frame.__class__(**{**frame.__dict__, "instance": np.zeros_like(frame.instance)})
    assert not masks("paper_telea").painted_depth(empty, folder.read_record(), capture.views[0].hidden, tmp_path).any()
