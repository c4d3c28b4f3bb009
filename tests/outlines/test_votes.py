"""Masks that bleed onto what lies behind, or fall short: the room is known, every mask is off by five pixels."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from box_room import BoxRoom
from hydra.errors import InstantiationException

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.outlines import IdVotes, OutlinedScene, corrected, grown, outline_distance
from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene
from o2recon.types import Camera, Frame

ERROR = 5


class WrongOutlines(DerivedScene):
    """Every object's mask, dilated onto background and neighbours by `pixels`, or eroded by as many when negative."""

    def __init__(self, base: Scene, pixels: int) -> None:
        super().__init__(base, identity=f"wrong {pixels}")
        self.pixels = pixels

    def instance(self, index: int) -> np.ndarray:
        return wrong(self.base.instance(index), self.pixels)

    def frame(self, index: int) -> Frame:
        return replace(self.base.frame(index), instance=self.instance(index))


def wrong(ids: np.ndarray, pixels: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    result = ids.copy()
    for object_id in [i for i in np.unique(ids) if i > 0]:
        mask = (ids == object_id).astype(np.uint8)
        if pixels > 0:
            result[(cv2.dilate(mask, disc) > 0) & (ids != object_id)] = object_id
        else:
            result[(mask > 0) & (cv2.erode(mask, disc) == 0)] = 0
    return result


@pytest.fixture(scope="module")
def room() -> Scene:
    return BoxRoom(16)


def agreement(scene: Scene, truth: Scene, object_id: int) -> float:
    """IoU of an object's masks with the true ones, over all frames."""
    pairs = [(scene.instance(i) == object_id, truth.instance(i) == object_id) for i in truth.indices]
    return sum((a & b).sum() for a, b in pairs) / sum((a | b).sum() for a, b in pairs)


def voted(scene: Scene, folder: Path, grow_px: int = 0) -> Scene:
    result: Scene = build(composed("run", ("outlines=voted", f"outlines.grow_px={grow_px}")).outlines)(scene, folder)
    return result


def test_bled_masks_lose_most_of_what_they_took_and_short_ones_win_some_back(room: Scene, tmp_path: Path) -> None:
    for pixels, object_id, share in ((ERROR, 1, 0.5), (ERROR, 2, 0.5), (-ERROR, 1, 0.1), (-ERROR, 2, 0.1)):
        bad = WrongOutlines(room, pixels)
        before, after = agreement(bad, room, object_id), agreement(voted(bad, tmp_path), room, object_id)
        assert 1 - after < (1 - share) * (1 - before), (pixels, object_id, before, after)


def test_masks_that_fall_short_come_back_when_they_grow_before(room: Scene, tmp_path: Path) -> None:
    bad = WrongOutlines(room, -ERROR)
    for object_id in (1, 2):
        before, after = (agreement(scene, room, object_id) for scene in (bad, voted(bad, tmp_path, ERROR)))
        assert 1 - after < 0.4 * (1 - before), (object_id, before, after)


def test_masks_grow_into_what_has_no_id_alone() -> None:
    ids = np.zeros((9, 20), np.int32)
    ids[:, 4:6], ids[:, 10:13] = 5, 7
    row = [0, 0, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(grown(ids, 2), np.tile(np.array(row, np.int32), (9, 1)))
    np.testing.assert_array_equal(grown(ids, 0), ids)
    np.testing.assert_array_equal(grown(np.zeros_like(ids), 3), np.zeros_like(ids))


def test_exact_masks_stay_almost_as_they_are(room: Scene, tmp_path: Path) -> None:
    scene = voted(room, tmp_path)
    assert min(agreement(scene, room, i) for i in (1, 2)) > 0.995


def test_depth_behind_a_bled_mask_leaves_the_object(room: Scene, tmp_path: Path) -> None:
    bad = WrongOutlines(room, ERROR)
    good = voted(bad, tmp_path)

    def behind(scene: Scene) -> int:
        taken = 0
        for frame in scene.frames():
            true = room.instance(frame.index) == 1
            farthest = frame.depth[true].max(initial=0)
            taken += int(((frame.instance == 1) & (frame.depth > farthest)).sum())
        return taken

    assert behind(good) < 0.2 * behind(bad), (behind(good), behind(bad))


def test_the_made_ids_are_kept_and_are_part_of_the_fingerprint(room: Scene, tmp_path: Path) -> None:
    first, second = voted(room, tmp_path), voted(room, tmp_path)
    assert isinstance(first, OutlinedScene)
    ids = first.instance(room.indices[0])
    (folder,) = tmp_path.iterdir()
    times = {f: f.stat().st_mtime_ns for f in folder.iterdir()}
    np.testing.assert_array_equal(second.frame(room.indices[0]).instance, ids)
    assert times == {f: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert first.fingerprint() == second.fingerprint() != room.fingerprint()


def test_given_outlines_are_the_scene_itself(room: Scene, tmp_path: Path) -> None:
    assert build(composed("run", ()).outlines)(room, tmp_path) is room


def test_outline_distance_is_measured_to_the_change_of_id_alone() -> None:
    ids = np.zeros((9, 12), np.int32)
    ids[:, 6:] = 3
    expected = np.minimum(np.abs(np.arange(12) - 5), np.abs(np.arange(12) - 6)) + 0.5
    np.testing.assert_allclose(outline_distance(ids), np.tile(expected, (9, 1)), atol=0.1)


def plate(x: float, ids: np.ndarray) -> Frame:
    """A wall 2 m before a camera at `x` that looks along +z."""
    camera = Camera(np.array([[100.0, 0, 40], [0, 100, 30], [0, 0, 1]]), 80, 60)
    pose = np.eye(4)
    pose[0, 3] = x
    color = np.zeros((60, 80, 3), np.uint8)
    return Frame(0, color, np.full((60, 80), 2.0, np.float32), ids, camera, pose)


def test_a_place_goes_to_the_id_that_frames_see_there_away_from_outlines() -> None:
    all_wall = np.full((60, 80), 7, np.int32)
    bled = all_wall.copy()
    bled[20:40, 30:34] = 5
    votes = IdVotes(spacing=0.02, reach_px=5, power=8.0)
    for x in (-0.1, 0.1):
        votes.add(plate(x, all_wall))
    votes.add(plate(0.0, bled))
    changed = corrected(plate(0.0, bled), votes.winners(), majority=2.0, min_votes=0.5)
    np.testing.assert_array_equal(changed, all_wall)


def test_a_pixel_far_from_any_outline_stays_whatever_others_say() -> None:
    all_wall, own = np.full((60, 80), 7, np.int32), np.full((60, 80), 5, np.int32)
    votes = IdVotes(spacing=0.02, reach_px=5, power=8.0)
    for x in (-0.1, 0.1):
        votes.add(plate(x, all_wall))
    np.testing.assert_array_equal(corrected(plate(0.0, own), votes.winners(), majority=2.0, min_votes=0.5), own)


@pytest.mark.parametrize("option", ["reach_px=0", "grow_px=-1", "spacing=0.0", "majority=0.5", "max_frames=0"])
def test_options_out_of_range_are_named(option: str) -> None:
    with pytest.raises(InstantiationException, match=option.split("=")[0]):
        build(composed("run", ("outlines=voted", f"outlines.{option}")).outlines)
