"""The pictures of the cameras."""

from pathlib import Path

import numpy as np
from made_up_study import write_prepared

from o2recon.report.colors import INPAINTED, rgb
from o2recon.web.nodes import CameraNode
from o2recon.web.pictures import picture
from o2recon.workspace import read_image


def node(folder: Path, kind: str) -> CameraNode:
    return CameraNode(folder, 1, 0, False, kind)


def test_each_kind_shows_its_file(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 1))
    taken = picture(node(folder.path, "input"), height=500)
    painted = picture(node(folder.path, "in-painted"), height=500)
    assert taken is not None and painted is not None
    np.testing.assert_array_equal(taken, read_image(folder.image("images", 0)))
    np.testing.assert_array_equal(painted, read_image(folder.image("inpainted/image", 0)))
    assert picture(node(folder.path, "none"), height=500) is None


def test_masks_tint_the_picture_and_nothing_else(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 2))
    taken, tinted = (picture(node(folder.path, kind), height=500) for kind in ("input", "masks"))
    assert taken is not None and tinted is not None
    hidden = read_image(folder.image("masks/hidden", 0)) > 0
    any_mask = np.any([read_image(folder.image(f"masks/{k}", 0)) > 0 for k in ("visible", "hidden", "possible")], 0)
    np.testing.assert_array_equal(tinted[~any_mask], taken[~any_mask])
    before, after = (np.abs(x[hidden] - rgb(INPAINTED)).mean() for x in (taken.astype(float), tinted.astype(float)))
    assert after < 0.6 * before


def test_pictures_are_made_smaller_never_larger(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 3))
    small = picture(node(folder.path, "masks"), height=60)
    assert small is not None and small.shape == (60, 80, 3)


def test_a_missing_picture_is_none(tmp_path: Path) -> None:
    assert picture(node(tmp_path, "input"), height=60) is None
