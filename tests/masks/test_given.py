from pathlib import Path

import numpy as np
import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sphere_capture import SphereCapture, prepared

import o2recon
from o2recon.masks import Masks, dilate
from o2recon.types import Volume
from o2recon.workspace import ObjectFolder, read_image, write_image


def masks(folder: Path | None, **changes: object) -> Masks:
    """As configured with masks=given, the masks being under `folder`."""
    conf = Path(o2recon.__file__).parent / "conf" / "masks"
    config = OmegaConf.merge(OmegaConf.load(conf / "auto.yaml"), {"mode": OmegaConf.load(conf / "given.yaml").mode})
    config.given.folder = None if folder is None else str(folder)
    config.given.merge_with(changes)
    stage: Masks = instantiate(config)
    return stage


def complete(capture: SphereCapture, index: int) -> np.ndarray:
    return capture.views[index].visible | capture.views[index].hidden


def write_all(capture: SphereCapture, root: Path, kind: str = "complete") -> None:
    for index, view in capture.views.items():
        write_image(root / "1" / f"{index}.png", view.hidden if kind == "hidden" else complete(capture, index))


def written(folder: ObjectFolder, index: int) -> list[np.ndarray]:
    return [folder.read_mask(f"masks/{kind}", index) for kind in ("hidden", "possible", "unknown")]


@pytest.mark.parametrize("kind", ["complete", "hidden"])
def test_given_masks_are_taken_as_they_are_and_all_else_is_background(tmp_path: Path, kind: str) -> None:
    capture, folder = prepared(tmp_path)
    write_all(capture, tmp_path / "given", kind)
    notes = masks(tmp_path / "given", kind=kind)(capture, folder)
    assert notes["mode"] == "given" and notes["warnings"] == []
    for index, view in capture.views.items():
        hidden, possible, unknown = written(folder, index)
        np.testing.assert_array_equal(hidden, view.hidden)
        slits = dilate(hidden, 1) & dilate(view.visible, 2) if kind == "hidden" else np.zeros_like(hidden)
        assert not possible.any() and not (unknown & ~slits).any()
        assert set(np.unique(read_image(folder.image("masks/claim", index)))) == {0, 255}
        share = view.hidden.sum() / (view.hidden | view.visible).sum()
        np.testing.assert_allclose(notes["hidden_share"][str(index)], share, atol=1e-4)


def test_masks_of_zeros_and_ones_are_read(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    for index in capture.views:
        write_image(tmp_path / "given" / "1" / f"{index}.png", complete(capture, index).astype(np.uint8))
    masks(tmp_path / "given")(capture, folder)
    np.testing.assert_array_equal(written(folder, 0)[0], capture.views[0].hidden)


def test_given_mask_may_leave_the_box_of_the_object_and_is_warned_of(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    write_all(capture, tmp_path / "given")
    write_image(tmp_path / "given" / "1" / "0.png", np.ones((64, 64), bool))
    notes = masks(tmp_path / "given")(capture, folder)
    assert written(folder, 0)[0].sum() == 64 * 64 - capture.views[0].visible.sum()
    assert notes["beyond_share"]["0"] > 0.3 and notes["beyond_share"]["10"] == 0
    assert any("image border in views 0" in w for w in notes["warnings"])
    assert any("saw that the object is not" in w and w.endswith("views 0") for w in notes["warnings"])


def test_masks_of_another_object_are_warned_of(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    for index, view in capture.views.items():
        write_image(tmp_path / "given" / "1" / f"{index}.png", view.hidden if index else complete(capture, 0))
    warning = next(w for w in masks(tmp_path / "given")(capture, folder)["warnings"] if "leave out" in w)
    assert "10" in warning and "views 0" not in warning


def test_unusable_given_masks_are_named_with_the_remedy(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    with pytest.raises(ValueError, match=r"masks\.given\.folder="):
        masks(None)(capture, folder)
    with pytest.raises(ValueError, match=r"given.1 is no folder"):
        masks(tmp_path / "given")(capture, folder)
    write_all(capture, tmp_path / "given")
    (tmp_path / "given" / "1" / "10.png").unlink()
    with pytest.raises(ValueError, match=r"no mask for views 10: add <view>\.png"):
        masks(tmp_path / "given")(capture, folder)
    write_image(tmp_path / "given" / "1" / "10.png", np.ones((32, 64), bool))
    with pytest.raises(ValueError, match=r"10\.png is 64x32 .* not 64x64 .*: save it as a grey PNG"):
        masks(tmp_path / "given")(capture, folder)
    with pytest.raises(InstantiationException, match=r"masks\.given\.kind is 'amodal'"):
        masks(tmp_path / "given", kind="amodal")


def test_inputs_follow_the_given_files(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    stage = masks(tmp_path / "given")
    nothing = stage.inputs(folder)
    write_all(capture, tmp_path / "given")
    first = stage.inputs(folder)
    assert first != nothing and stage.inputs(folder) == first
    write_image(tmp_path / "given" / "1" / "0.png", np.zeros((64, 64), bool))
    assert stage.inputs(folder) != first


def test_sketches_are_warned_of_where_they_go_beyond_what_carving_leaves(tmp_path: Path) -> None:
    capture, folder = prepared(tmp_path)
    volume = folder.read_volume()
    folder.write_volume(Volume(volume.grid, np.zeros_like(volume.permitted), volume.sdf, volume.evidence))
    capture.painted = {0: capture.views[0].hidden}
    stage = masks(None)
    stage.mode = "sketch"
    notes = stage(capture, folder)
    assert notes["beyond_share"]["0"] == 1 and any("saw that the object is not" in w for w in notes["warnings"])
