"""Poses that drift by up to 2 cm and 1 degree in a room that is known."""

from pathlib import Path

import numpy as np
import pytest
from box_room import BoxRoom, Drifting
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.poses import PosedScene
from o2recon.poses.motion import Motion, between
from o2recon.scene import Scene
from o2recon.sweep import run_config
from o2recon.types import ObjectFrame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder

CORNERS = np.array([[-0.25, -0.2, 0.0], [0.25, -0.2, 0.4], [-0.25, 0.25, 0.9], [0.25, 0.25, 0.9]])


@pytest.fixture(scope="module")
def room() -> Scene:
    return BoxRoom(24)


@pytest.fixture(scope="module")
def drifting(room: Scene) -> Scene:
    return Drifting(room, cm=2, degrees=1, seed=0)


def refined(scene: Scene, folder: Path) -> PosedScene:
    colorless = ("poses.num_points=600", "poses.adjustment.color_weight=0.0")
    source = build(composed("run", ("poses=refined", *colorless)).poses)
    result = source(scene, folder, object_id=1, frames=scene.indices)
    assert isinstance(result, PosedScene)
    return result


@pytest.fixture(scope="module")
def corrected(drifting: Scene, tmp_path_factory: pytest.TempPathFactory) -> PosedScene:
    return refined(drifting, tmp_path_factory.mktemp("poses"))


def apart(scene: Scene, room: Scene) -> float:
    """How far frames put the chair's corners from where they put it on average: root mean square, cm."""
    motions = [scene.poses[i] @ np.linalg.inv(room.poses[i]) for i in room.indices]
    places = np.stack([CORNERS @ m[:3, :3].T + m[:3, 3] for m in motions])
    return float(100 * np.sqrt(((places - places.mean(0)) ** 2).sum(-1).mean()))


def test_frames_that_drifted_agree_again_on_where_the_object_is(
    corrected: PosedScene, drifting: Scene, room: Scene
) -> None:
    assert apart(drifting, room) > 1
    assert apart(corrected, room) < 0.3 * apart(drifting, room)


def test_the_correction_is_told_for_every_frame(corrected: PosedScene, drifting: Scene) -> None:
    notes = corrected.notes
    assert notes["refined"] and notes["frames_apart_mm"][1] < 0.5 * notes["frames_apart_mm"][0]
    assert set(corrected.corrections) == set(drifting.indices)
    largest = max(c.cm for c in corrected.corrections.values())
    assert largest == pytest.approx(notes["largest_cm"], abs=1e-3) and 0.5 < largest < 6
    for i in drifting.indices:
        turn = corrected.poses[i][:3, :3] @ drifting.poses[i][:3, :3].T
        angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        assert angle == pytest.approx(corrected.corrections[i].degrees, abs=0.01)


def test_frames_are_given_with_the_refined_poses(corrected: PosedScene, drifting: Scene) -> None:
    frame = corrected.frame(3)
    np.testing.assert_array_equal(frame.camera_to_world, corrected.poses[3])
    np.testing.assert_array_equal(frame.depth, drifting.frame(3).depth)
    assert corrected.fingerprint() != drifting.fingerprint()


def test_poses_without_drift_stay_exactly_and_what_was_found_is_read_again(room: Scene, tmp_path: Path) -> None:
    scene = refined(room, tmp_path)
    assert not scene.notes["refined"] and scene.notes["reason"] == "frames agree as well as they can"
    assert all((scene.poses[i] == room.poses[i]).all() for i in room.indices) and scene.corrections == {}
    (file,) = tmp_path.iterdir()
    time = file.stat().st_mtime_ns
    assert refined(room, tmp_path).notes == scene.notes and file.stat().st_mtime_ns == time


def test_an_object_in_too_few_frames_keeps_its_poses(room: Scene, tmp_path: Path) -> None:
    source = build(composed("run", ("poses=refined",)).poses)
    scene = source(room, tmp_path, object_id=1, frames=(0, 1))
    assert scene.notes["reason"] == "too few frames show it" and scene.poses == room.poses


def test_frames_that_see_next_to_nothing_of_an_object_keep_their_poses(room: Scene, tmp_path: Path) -> None:
    """No frame has a tenth of so many points."""
    source = build(composed("run", ("poses=refined", "poses.num_points=1000000")).poses)
    scene = source(room, tmp_path, object_id=1, frames=(0, 8, 16, 23))
    assert scene.notes["reason"] == "too few frames show it" and scene.poses == room.poses


def test_given_poses_are_the_scene_itself(room: Scene, tmp_path: Path) -> None:
    source = build(composed("run", ()).poses)
    assert source(room, tmp_path, object_id=1, frames=room.indices) is room and source.inputs() == {}


def test_the_options_decide_the_inputs() -> None:
    inputs = [
        build(composed("run", ("poses=refined", f"poses.adjustment.margin={m}")).poses).inputs() for m in (0.03, 0.04)
    ]
    assert inputs[0] != inputs[1]


def test_what_training_does_with_poses_decides_the_run_and_not_what_is_prepared() -> None:
    lines = [
        ("poses=refined", f"poses.in_training{k}") for k in ("=null", ".min_gain=0.1", ".min_gain=0.2", ".iterations=7")
    ]
    configs = [composed("run", line) for line in lines]
    assert len({str(build(c.poses).inputs()) for c in configs}) == 1
    deciding = [str(run_config(OmegaConf.to_container(c, resolve=True))) for c in configs]
    assert len(set(deciding)) == 4
    given = run_config(OmegaConf.to_container(composed("run", ()), resolve=True))
    assert str(given) == deciding[0] and "poses" not in given


def test_a_motion_turns_about_its_centre_and_two_follow_each_other() -> None:
    motion = Motion(np.array([0.0, 0, np.pi / 2]), np.array([0.0, 0, 1]), np.array([1.0, 0, 0]))
    np.testing.assert_allclose(motion(np.eye(4))[:3, 3], [1, -1, 1], atol=1e-12)
    twice = motion.then(motion.turn, motion.shift)
    np.testing.assert_allclose(twice(np.eye(4)), motion(motion(np.eye(4))), atol=1e-12)


def test_frames_between_move_in_between_and_frames_beyond_as_the_last_one() -> None:
    low, high = (Motion(np.zeros(3), np.array([x, 0, 0]), np.zeros(3)) for x in (0.0, 0.02))
    motions = between({10: low, 20: high}, [5, 15, 20, 30])
    assert [round(float(motions[i].shift[0]), 6) for i in (5, 15, 20, 30)] == [0.0, 0.01, 0.02, 0.02]


@pytest.mark.parametrize("option", ["min_gain=1.0", "max_frames=2", "adjustment.gates=[]", "adjustment.absolute=[1.0]"])
def test_options_out_of_range_are_named(option: str) -> None:
    with pytest.raises(InstantiationException, match=option.split("=")[0].split(".")[-1]):
        build(composed("run", ("poses=refined", f"poses.{option}")).poses)


def test_object_json_keeps_each_view_s_correction(tmp_path: Path) -> None:
    camera, frame = BoxRoom(2).camera, ObjectFrame(np.zeros(3), np.eye(3), np.ones(3))
    views = tuple(ViewRecord(i, camera, np.eye(4), 1.0, False, c) for i, c in enumerate([None, (0.5, 1.25)]))
    ObjectFolder(tmp_path).write_record(ObjectRecord("room", 1, "chair", frame, views, None))
    assert [v.correction for v in ObjectFolder(tmp_path).read_record().views] == [None, (0.5, 1.25)]
