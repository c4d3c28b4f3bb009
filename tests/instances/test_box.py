import json
from pathlib import Path

import numpy as np
import pytest

from o2recon.instances import read_boxes

WORLD = np.eye(4)
UPRIGHT = {"id": 3, "category": "chair", "center": [1.0, 2.0, 0.5], "size": [0.4, 0.6, 1.0], "yaw": 30}


def corner_set(corners: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(np.round(c, 4) + 0.0) for c in corners}


def test_center_size_and_yaw_are_the_eight_corners() -> None:
    (box,) = read_boxes([UPRIGHT], WORLD)
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = {
        (*np.round(turn @ [0.2 * x, 0.3 * y] + [1, 2], 4), 0.5 + 0.5 * z)
        for x in (-1, 1)
        for y in (-1, 1)
        for z in (-1, 1)
    }
    assert corner_set(box.corners) == {tuple(float(v) for v in c) for c in expected}
    assert (box.id, box.category, round(box.volume, 6)) == (3, "chair", 0.24)
    (same,) = read_boxes([{"id": 3, "corners": box.corners.tolist()}], WORLD)
    assert corner_set(same.corners) == corner_set(box.corners) and same.category == "object"


def test_two_corners_are_an_upright_box_along_the_axes() -> None:
    (box,) = read_boxes([{"id": 1, "corners": [[0, 0, 0], [1, 2, 3]]}], WORLD)
    np.testing.assert_allclose(sorted(2 * box.frame.half_extents[:2]), [1, 2], atol=1e-5)
    assert box.frame.half_extents[2] == pytest.approx(1.5)


def test_boxes_in_the_capture_s_own_world_are_turned_and_scaled() -> None:
    """A capture with +y up in decimetres: its y is our z."""
    to_world = np.diag([0.1, 0.1, 0.1, 1.0]) @ np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    row = {"id": 1, "center": [10, 5, -20], "size": [4, 10, 6], "yaw": 30}
    (box,) = read_boxes([row], to_world)
    (expected,) = read_boxes([UPRIGHT], WORLD)
    assert corner_set(box.corners) == corner_set(expected.corners)


@pytest.mark.parametrize("name", ["boxes.yaml", "boxes.json"])
@pytest.mark.parametrize("under", [None, "boxes", "objects", "id"])
def test_files_hold_lists_or_mappings(name: str, under: str | None, tmp_path: Path) -> None:
    content: object = [UPRIGHT]
    if under == "id":
        content = {3: {k: v for k, v in UPRIGHT.items() if k != "id"}}
    elif under:
        content = {under: [UPRIGHT]}
    (tmp_path / name).write_text(json.dumps(content))  # JSON is YAML too
    (box,) = read_boxes(tmp_path / name, WORLD)
    assert box.id == 3


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "holds no list of boxes"),
        ([3], "box 1 is no box"),
        ([UPRIGHT | {"id": 0}], "box 1 has the id 0: give a number from 1 to 65535"),
        ([UPRIGHT, UPRIGHT], "gives id 3 to two boxes"),
        ([UPRIGHT | {"radius": 1}], "has the key 'radius'"),
        ([UPRIGHT | {"center": [1, 2]}], "center is [1, 2]: it must be 3 finite numbers"),
        ([UPRIGHT | {"center": [1, 2, float("nan")]}], "finite numbers"),
        ([UPRIGHT | {"size": [1, 0, 1]}], "box 1 is flat"),
        ([{"id": 1, "corners": [[0, 0, 0]] * 3}], "it must be 2 x 3 finite numbers or 8 x 3"),
        ([UPRIGHT | {"yaw": "a lot"}], "yaw is 'a lot': it must be a finite number"),
    ],
)
def test_what_is_no_box_is_said_in_one_line(rows: list, expected: str) -> None:
    with pytest.raises(ValueError) as told:
        read_boxes(rows, WORLD)
    assert expected in str(told.value) and "\n" not in str(told.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    for name, text in (("a.json", "{"), ("b.yaml", "a: [1"), ("c.yaml", "!!python/object/apply:os.system ['true']")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=name):
            read_boxes(tmp_path / name, WORLD)
    with pytest.raises(ValueError, match=r"nowhere\.yaml cannot be read"):
        read_boxes(tmp_path / "nowhere.yaml", WORLD)
