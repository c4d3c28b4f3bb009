from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sphere_capture import prepared

import o2recon
from o2recon.masks import Masks, painted_file, painted_files
from o2recon.types import Volume
from o2recon.workspace import ObjectFolder, read_image, write_image


def masks(**changes: object) -> Masks:
    """As configured, any of its values replaced."""
    config = OmegaConf.load(Path(o2recon.__file__).parent / "conf" / "masks" / "auto.yaml")
    stage: Masks = instantiate(config, **changes)
    return stage


def unseen(folder: ObjectFolder) -> None:
    """Let no frame have seen the surface, so that a sketch says more than the carving."""
    volume = folder.read_volume()
    folder.write_volume(Volume(volume.grid, volume.permitted, volume.sdf, np.zeros_like(volume.evidence)))


def test_painted_sketch_is_claimed_and_its_removal_goes_back(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    unseen(folder)
    masks()(capture, folder)
    before = {i: read_image(folder.image("masks/claim", i)) for i in capture.views}
    write_image(painted_file(folder, 0), capture.views[0].hidden)
    notes = masks()(capture, folder)
    own = read_image(folder.image("masks/claim", 0))
    assert notes["mode"] == "sketch+carve" and notes["sketches"] == [0]
    assert np.count_nonzero(own == 204) > 0.95 * np.count_nonzero(capture.views[0].hidden)
    painted_file(folder, 0).unlink()
    assert masks()(capture, folder)["mode"] == "carve"
    for index, claim in before.items():
        np.testing.assert_array_equal(read_image(folder.image("masks/claim", index)), claim)


def test_painted_sketch_wins_over_the_scan_s_in_its_view_only(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    unseen(folder)
    hidden = capture.views[0].hidden
    half = hidden & (np.cumsum(hidden.sum(1)) < hidden.sum() / 2)[:, None]
    capture.painted = {0: hidden, 10: capture.views[10].hidden}
    write_image(painted_file(folder, 0), half)
    assert masks(mode="sketch")(capture, folder)["sketches"] == [0, 10]
    capture.painted = {0: hidden}
    masks(mode="sketch")(capture, folder)
    claimed = folder.read_mask("masks/hidden", 0)
    assert not (claimed & hidden & ~half)[1 + np.flatnonzero(half.any(1)).max() :].any()


def test_inputs_follow_the_content_of_painted_sketches_unless_they_are_ignored(tmp_path: Path) -> None:
    _, folder = prepared(tmp_path)
    assert masks().inputs(folder) == {}
    mask = np.zeros((64, 64), bool)
    mask[20:30, 20:30] = True
    write_image(painted_file(folder, 0), mask)
    first = masks().inputs(folder)
    write_image(painted_file(folder, 0), mask)
    assert first and masks().inputs(folder) == first and masks(mode="carve").inputs(folder) == {}
    write_image(painted_file(folder, 0), ~mask)
    assert masks().inputs(folder) != first


def test_every_preparation_of_an_object_has_the_same_painted_sketches(tmp_path: Path) -> None:
    usual, other = (ObjectFolder(tmp_path / name / "1") for name in ("objects", "objects_no_carving"))
    assert usual.sketches == other.sketches == tmp_path / "objects" / "1" / "sketches"


def test_unusable_painted_sketches_are_named_with_the_remedy(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    write_image(painted_file(folder, 0), np.ones((32, 64), bool))
    with pytest.raises(ValueError, match=r"0_class_inpaint mask\.png is 64x32 .* not 64x64 .*o2recon annotate"):
        masks()(capture, folder)
    write_image(painted_file(folder, 0), np.zeros((64, 64), bool))
    with pytest.raises(ValueError, match="is an empty mask"):
        masks()(capture, folder)
    painted_file(folder, 0).rename(folder.sketches / "left_class_inpaint mask.png")
    with pytest.raises(ValueError, match="names no frame"):
        painted_files(folder)
