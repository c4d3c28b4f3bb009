"""Filters: size, number of frames, class; and what a user is told."""

import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from o2recon.objects import Selector, opened
from o2recon.scene import Selection


def selector(**options: Any) -> Selector:
    arguments: dict[str, Any] = {
        "min_mask_share": 0.01,
        "min_frames": 3,
        "background_nyu40": [0, 1],
        "background_labels": [0, 96],
        "aliases": {"stack of chairs": "chair"},
        "overrides": {},
    }
    return Selector(**{**arguments, **options})


def image(**squares: int) -> np.ndarray:
    """100 x 100 ids; `_<id>=n`: a square of n x n pixels at a place of its own."""
    ids = np.zeros((100, 100), np.int32)
    for name, size in squares.items():
        number = int(name[1:])
        row, column = 33 * (number % 3), 33 * (number // 3)
        ids[row : row + size, column : column + size] = number
    return ids


@pytest.mark.parametrize("seed", range(4))
def test_opening_of_all_ids_at_once_is_the_opening_of_each(seed: int) -> None:
    small = np.random.default_rng(seed).integers(0, 4, (12, 16))
    ids = cv2.resize(small.astype(np.uint8), (80, 60), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    noise = np.random.default_rng(seed).random(ids.shape) < 0.08
    ids[noise] = 2
    found = opened(ids)
    for number in range(1, 4):
        expected = cv2.morphologyEx((ids == number).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        assert ((found == number) == (expected > 0)).all()


def test_kept_from_one_percent_in_enough_frames(scene_of: Callable[..., Any]) -> None:
    instances = [image(_1=10, _2=9, _4=10)] * 2 + [image(_1=10, _2=20, _4=9)] + [image(_4=30)] * 2
    labels = [np.where(i > 0, 2, 1) for i in instances]
    selection = selector()(scene_of(instances, labels))
    assert [(k.id, k.frames) for k in selection.kept] == [(1, (0, 1, 2)), (4, (0, 1, 3, 4))]
    assert selection.kept[0].shares == pytest.approx((0.01, 0.01, 0.01)) and selection.kept[0].category == "chair"
    (dropped,) = selection.dropped
    assert (dropped.id, dropped.num_frames, dropped.largest_share) == (2, 1, pytest.approx(0.04))
    with pytest.raises(ValueError, match=r"object 2 \(chair\) of memory: .* in 1 of 5 frames, at least 3 .*: lower"):
        selection.require(2)
    with pytest.raises(ValueError, match="object 9 is not in memory: its instance images hold 1, 2, 4; choose one"):
        selection.require(9)
    assert selection.require(4) is selection.kept[1]


def test_thin_labelling_noise_does_not_count(scene_of: Callable[..., Any]) -> None:
    stripes = np.zeros((100, 100), np.int32)
    stripes[:, ::4] = 1
    with pytest.raises(ValueError, match="nowhere as much as 3 x 3 pixels"):
        selector()(scene_of([stripes] * 3))


def test_without_a_label_table_nothing_is_background(scene_of: Callable[..., Any]) -> None:
    scene = scene_of([image(_1=20)] * 3, [np.zeros((100, 100), int)] * 3)
    assert not selector()(scene).kept
    scene.labels = {}
    (kept,) = selector()(scene).kept
    assert (kept.id, kept.category) == (1, "object")


@pytest.mark.parametrize(("label", "name"), [(1, "wall"), (96, "thing"), (0, "object")])
def test_background_is_dropped_unless_it_is_named(scene_of: Callable[..., Any], label: int, name: str) -> None:
    instances = [image(_1=30, _2=30)] * 3
    labels = [np.where(i == 1, label, 4) for i in instances]
    selection = selector()(scene_of(instances, labels))
    assert [k.id for k in selection.kept] == [2]
    assert selection.dropped[0].category == name and "background" in selection.dropped[0].reason
    named = selector(overrides={"1": {"category": "partition"}})(scene_of(instances, labels))
    assert [(k.id, k.category) for k in named.kept] == [(1, "partition"), (2, "table")]


def test_category_is_what_most_of_its_pixels_say(scene_of: Callable[..., Any]) -> None:
    instances = [image(_1=30)] * 5
    labels = [np.where(i > 0, 4 if n < 3 else 2, 1) for n, i in enumerate(instances)]
    assert selector()(scene_of(instances, labels)).kept[0].category == "table"


def test_a_label_that_the_table_lacks_is_an_object(scene_of: Callable[..., Any]) -> None:
    instances = [image(_1=30)] * 3
    assert selector()(scene_of(instances, [np.full((100, 100), 77)] * 3)).kept[0].category == "object"


def test_damaged_frames_do_not_count(scene_of: Callable[..., Any]) -> None:
    instances = [image(_1=30)] * 4
    selection = selector()(scene_of(instances, [np.full((100, 100), 4)] * 4, damaged={2}))
    assert selection.kept[0].frames == (0, 1, 3) and selection.num_frames == 3


def test_a_selection_survives_json_and_prints_every_object(scene_of: Callable[..., Any]) -> None:
    instances = [image(_1=30, _2=5)] * 3
    selection = selector()(scene_of(instances, [np.full((100, 100), 4)] * 3))
    assert Selection.from_json(json.loads(json.dumps(selection.to_json()))) == selection
    console = Console(width=220)
    with console.capture() as capture:
        console.print(selection.table())
    text = capture.get()
    assert "1 objects kept, 1 dropped" in text and "3 of 3" in text and "no: a mask of at least 1.00%" in text


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="min_mask_share is 1"):
        selector(min_mask_share=1.0)
    with pytest.raises(ValueError, match=r"overrides\.3 sets \['colour'\]"):
        selector(overrides={3: {"colour": "red"}})
