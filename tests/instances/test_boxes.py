"""Masks from boxes against the masks that the room was rendered with."""

import re
from pathlib import Path

import numpy as np
import pytest
from composed_parts import built

from o2recon.instances import InstanceScene
from o2recon.instances.boxes import closed
from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene


def from_boxes(scene: Scene, boxes: list[dict] | None, folder: Path, **options: object) -> InstanceScene:
    found = built("instances", "instances=boxes", boxes=boxes, **options)(scene, folder, device="cpu")
    assert isinstance(found, InstanceScene)
    return found


def counts(scene: Scene, made: Scene, number: int) -> tuple[int, int, int]:
    """Pixels of the object in both, only in the truth, only in what was made."""
    pairs = [(scene.instance(i) == number, made.instance(i) == number) for i in scene.indices]
    both, missed, extra = (
        sum(int((f).sum()) for f in x) for x in zip(*((a & b, a & ~b, b & ~a) for a, b in pairs), strict=True)
    )
    return both, missed, extra


@pytest.fixture(scope="module")
def made(tiny_scene: Scene, tiny_boxes: list[dict], tmp_path_factory: pytest.TempPathFactory) -> InstanceScene:
    return from_boxes(tiny_scene, tiny_boxes, tmp_path_factory.mktemp("boxes"))


@pytest.mark.parametrize("number", [1, 2])
def test_masks_are_the_objects_without_floor_and_without_what_covers_them(
    tiny_scene: Scene, made: InstanceScene, number: int
) -> None:
    both, missed, extra = counts(tiny_scene, made, number)
    assert both / (both + missed + extra) > 0.85
    assert extra / both < 0.03
    other = 3 - number
    swapped = sum(int(((tiny_scene.instance(i) == other) & (made.instance(i) == number)).sum()) for i in made.indices)
    assert swapped / both < 0.02


def test_without_the_search_for_planes_the_floor_is_part_of_the_object(
    tiny_scene: Scene, tiny_boxes: list[dict], made: InstanceScene, tmp_path: Path
) -> None:
    plain = from_boxes(tiny_scene, tiny_boxes, tmp_path, planes__min_share=2.0, max_outside=1.0)
    assert counts(tiny_scene, plain, 1)[2] > 3 * counts(tiny_scene, made, 1)[2]


def test_a_box_that_reaches_into_another_takes_nothing_of_it(
    tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path
) -> None:
    """The cardboard box's 3D box, grown until it holds half of the chair: smooth pieces stay whole."""
    chair, box = tiny_boxes
    large = box | {"size": [s + 0.25 for s in box["size"]]}
    found = from_boxes(tiny_scene, [chair, large], tmp_path)
    both, missed, _ = counts(tiny_scene, found, 1)
    assert missed / (both + missed) < 0.15


def test_boxes_give_names_and_every_one_is_an_object(made: InstanceScene) -> None:
    assert {made.labels[int(n)].raw_category for n in np.unique(made.label(0)) if n} == {"chair", "cardboard box"}
    assert all(label.nyu40 == -1 for label in made.labels.values())


def test_what_was_made_is_kept_and_made_again_when_a_box_moves(
    tiny_scene: Scene, tiny_boxes: list[dict], made: InstanceScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from o2recon.instances import boxes as module

    first = from_boxes(tiny_scene, tiny_boxes, tmp_path)
    assert first.fingerprint() == made.fingerprint() != tiny_scene.fingerprint()
    before = first.instance(0)
    monkeypatch.setattr(module, "surface_cloud", None)
    np.testing.assert_array_equal(from_boxes(tiny_scene, tiny_boxes, tmp_path).instance(0), before)
    moved = [tiny_boxes[0] | {"yaw": 10.0}, tiny_boxes[1]]
    assert from_boxes(tiny_scene, moved, tmp_path).fingerprint() != first.fingerprint()
    renamed = [tiny_boxes[0] | {"category": "stool"}, tiny_boxes[1]]
    assert from_boxes(tiny_scene, renamed, tmp_path).fingerprint() != first.fingerprint()


def test_pixels_without_depth_take_the_nearest_id() -> None:
    depth, ids = np.ones((9, 20), np.float32), np.zeros((9, 20), np.int32)
    ids[:, :8] = 5
    depth[:, 6:14] = 0
    found = closed(np.where(depth > 0, ids, 0), depth, radius=3)
    np.testing.assert_array_equal(np.unique(np.flatnonzero(found[4] == 5)), np.arange(9))
    assert not found[4, 11:].any()


def test_boxes_elsewhere_are_named_with_the_place_of_the_points(
    tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The room is 3 m wide: its measured points cannot lie farther out, nor below the floor."""
    chair, box = tiny_boxes
    away = chair | {"center": [40.0, 1.0, 0.5]}
    from_boxes(tiny_scene, [away, box], tmp_path).make()
    assert "box 1 (chair), centred at (40, 1, 0.5), holds no measured point" in caplog.text
    found = re.search(r"x ([-\d.]+) to ([-\d.]+), y .*, z ([-\d.]+) to ([-\d.]+) m", caplog.text)
    assert found is not None
    x_low, x_high, z_low, z_high = (float(v) for v in found.groups())
    assert x_low < chair["center"][0] < x_high < 10 and abs(z_low) < 0.1 and z_high > chair["center"][2]
    with pytest.raises(ValueError, match=r"no box holds a measured point: these lie within x .*instances\.world="):
        from_boxes(tiny_scene, [away], tmp_path).make()


class _Blind(DerivedScene):
    """Says that it has no depth."""

    def __init__(self, base: Scene) -> None:
        super().__init__(base, identity="blind")
        self.has_depth = False


def test_what_is_missing_is_said_with_the_remedy(tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"objects\.boxes is needed"):
        from_boxes(tiny_scene, None, tmp_path)
    with pytest.raises(ValueError, match="depth=network"):
        from_boxes(_Blind(tiny_scene), tiny_boxes, tmp_path)
