"""Frame numbers from names, and the files that belong to a picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from o2recon.scene.readers.naming import Companions, chosen_folder, frame_numbers, inside


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["images/frame_00012.jpg", "images/frame_00003.jpg"], (12, 3)),
        (["0.png", "10.png", "9.png"], (0, 10, 9)),
        (["DSC01752.JPG", "DSC01753.JPG"], (1752, 1753)),
        (["train/r_0", "train/r_1", "test/r_0"], (1, 2, 0)),  # numbers twice: by order of the names
        (["b.jpg", "a10.jpg", "a9.jpg"], (2, 1, 0)),
        (["11.175.png", "12.011.png", "12.005.png"], (0, 2, 1)),  # stamps: not alike up to their numbers
        (["left_1.png", "right_2.png"], (0, 1)),
        ([f"{10**30 + k}.png" for k in (1, 0)], (1, 0)),
        (["a.png"], (0,)),
        ([], ()),
    ],
)
def test_frames_have_the_numbers_of_their_names_or_of_their_order(names: list[str], numbers: tuple[int, ...]) -> None:
    assert frame_numbers(names) == numbers


@pytest.mark.parametrize("place", ["b/frame_0012.png", "b/frame_0012.jpg.png", "frame_0012.png", "12.png"])
def test_a_companion_is_found_by_name_or_number(tmp_path: Path, place: str) -> None:
    (tmp_path / "b").mkdir()
    companions = Companions(tmp_path, ["b/frame_0012.jpg", "b/frame_0013.jpg"], kind="ids")
    with pytest.raises(ValueError, match=r"b/frame_0012\.png is missing"):
        companions.picture("b/frame_0012.jpg", 12)
    cv2.imwrite(str(tmp_path / place), np.full((3, 4), 7, np.uint8))
    assert (companions.picture("b/frame_0012.jpg", 12).read() == 7).all()


def test_a_flat_companion_of_two_pictures_belongs_to_neither(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((3, 4), np.uint8))
    companions = Companions(tmp_path, ["left/1.jpg", "right/1.jpg"], kind="ids")
    for index, name in enumerate(("left/1.jpg", "right/1.jpg"), 5):
        with pytest.raises(ValueError, match="is missing"):
            companions.picture(name, index)


def test_options_choose_folders(tmp_path: Path) -> None:
    (tmp_path / "depths").mkdir()
    assert chosen_folder(tmp_path, "auto", ("depth", "depths"), "x") == tmp_path / "depths"
    assert chosen_folder(tmp_path, "auto", ("depth",), "x") is None
    assert chosen_folder(tmp_path, None, ("depths",), "x") is None
    with pytest.raises(ValueError, match=r"nothing is no folder: set scene\.reader\.depth"):
        chosen_folder(tmp_path, "nothing", (), "scene.reader.depth")


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/passwd", "C:\\a.png", "..\\a.png", ""])
def test_names_that_lead_out_of_the_capture_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"the list names .*: files must lie in") as raised:
        inside(tmp_path, name, "the list")
    assert "\n" not in str(raised.value)
    assert (
        inside(tmp_path, ".\\images\\a.png", "x") == tmp_path / "images/a.png" == inside(tmp_path, "images/a.png", "x")
    )


@pytest.mark.parametrize("name", ["a\0.png", "a\n.png", "\ud800.png", "a" * 300 + ".png", "a/" * 2000])
def test_names_that_no_file_can_have_are_refused_in_one_short_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="which can be no file of") as raised:
        inside(tmp_path, name, "the list")
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500
