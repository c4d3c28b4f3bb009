from pathlib import Path

import numpy as np
import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sphere_capture import prepared

import o2recon
from o2recon.masks import Masks
from o2recon.types import Volume
from o2recon.workspace import read_image


def masks(**changes: object) -> Masks:
    """As configured, any of its values replaced."""
    config = OmegaConf.load(Path(o2recon.__file__).parent / "conf" / "masks" / "auto.yaml")
    stage: Masks = instantiate(config, **changes)
    return stage


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


def test_amodal_mask_of_a_covered_sphere_is_its_whole_disc(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    notes = masks()(capture, folder)
    assert notes["mode"] == "carve" and notes["warnings"] == []
    for view in capture.sphere.views:
        amodal = view.visible | folder.read_mask("masks/hidden", view.index)
        assert iou(amodal, view.visible | view.hidden) > 0.95
        claim = read_image(folder.image("masks/claim", view.index))
        assert set(np.unique(claim)) <= {0, 255}


def test_what_no_frame_saw_is_claimed_weakly(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    volume = folder.read_volume()
    folder.write_volume(Volume(volume.grid, volume.permitted, volume.sdf, np.zeros_like(volume.evidence)))
    masks()(capture, folder)
    assert set(np.unique(read_image(folder.image("masks/claim", 0)))) == {0, round(0.3 * 255)}


def test_only_permitted_volume_is_possible(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    volume = folder.read_volume()
    folder.write_volume(Volume(volume.grid, volume.permitted, np.ones_like(volume.sdf), volume.evidence))
    masks()(capture, folder)
    assert not folder.read_mask("masks/hidden", 0).any()
    truth = capture.views[0].hidden
    possible = folder.read_mask("masks/possible", 0)
    assert np.count_nonzero(possible & truth) > 0.9 * np.count_nonzero(truth)


def test_sketch_of_one_view_reaches_the_others(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    volume = folder.read_volume()
    folder.write_volume(Volume(volume.grid, volume.permitted, volume.sdf, np.zeros_like(volume.evidence)))
    capture.painted = {0: capture.views[0].hidden}
    notes = masks()(capture, folder)
    assert notes["mode"] == "sketch+carve" and notes["sketches"] == [0]
    assert not folder.sketches.exists()  # only what was painted for this object lies there
    own = read_image(folder.image("masks/claim", 0))
    assert np.count_nonzero(own == 204) > 0.95 * np.count_nonzero(capture.views[0].hidden)
    assert any((read_image(folder.image("masks/claim", i)) == 204).any() for i in list(capture.views)[1:])


def test_unusable_sketches_are_named(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    with pytest.raises(ValueError, match="no sketches"):
        masks(mode="sketch")(capture, folder)
    capture.painted = {0: np.zeros((64, 64), bool)}
    with pytest.raises(ValueError, match=r"0_class_inpaint mask\.png is an empty mask"):
        masks()(capture, folder)
    capture.painted = {5: np.ones((64, 64), bool)}
    with pytest.raises(ValueError, match="frame 5"):
        masks()(capture, folder)
    with pytest.raises(InstantiationException, match=r"masks\.mode is 'paint'"):
        masks(mode="paint")


@pytest.mark.parametrize("size", [64, 192])
def test_what_counts_as_dropout_follows_the_object_s_size_in_the_image(tmp_path: Path, size: int) -> None:
    capture, folder = prepared(tmp_path, size=size)
    view, unit = capture.views[0], size // 64
    row, column = np.argwhere(view.hidden).mean(0).astype(int)
    view.depth[row : row + 2 * unit, : column + unit] = 0
    view.depth[row + 8 * unit : row + 13 * unit, : column + unit] = 0
    window = masks(dropout_share=0.02).window(
        capture, folder.read_record(), folder.read_volume(), capture.frame(0), None
    )
    unknown = np.zeros((size, size), bool)
    unknown[window.crop.window] = window.labels.unknown
    assert not unknown[row : row + 2 * unit, column].any() and unknown[row + 8 * unit : row + 13 * unit, column].all()
