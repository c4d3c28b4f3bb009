"""Any reader's capture as one scene: one camera, one world, and what is not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from round_trip import assert_same_scene, opened
from scipy.spatial.transform import Rotation

from o2recon.scene import DamagedFrame, RecordedScene
from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.matrices import resized
from o2recon.scene.readers import ScanNetReader

Change = Callable[[Shot], Shot]


def scene_of(
    scan: Path, change: Change = lambda shot: shot, options: dict[str, Any] | None = None, **capture: Any
) -> RecordedScene:
    """The scan with every shot changed, and what else the capture says."""

    def read(root: Path) -> Capture:
        found = ScanNetReader()(root)
        return replace(found, shots=tuple(change(shot) for shot in found.shots), **capture)

    return opened(scan, read, **(options or {}))


def moved(by: np.ndarray, scale: float = 1.0) -> Change:
    """Poses as they are in a world turned by `by` with another unit."""

    def change(shot: Shot) -> Shot:
        pose = np.eye(4)
        pose[:3, :3] = by @ shot.camera_to_world[:3, :3]
        pose[:3, 3] = scale * by @ shot.camera_to_world[:3, 3]
        return replace(shot, camera_to_world=pose)

    return change


TURNS = [Rotation.from_rotvec(v).as_matrix() for v in ([1.2, 0, 0], [0.4, -2.0, 0.7], [np.pi, 0, 0])]


@pytest.mark.parametrize("turn", TURNS)
def test_the_world_is_turned_up_and_scaled_to_metres(scan: Path, turn: np.ndarray) -> None:
    """A capture in its own world and unit is the same scene but for a turn about the vertical."""
    plain = scene_of(scan)
    options = {"up": (turn @ [0, 0, 2.5]).tolist(), "scale": 0.01}
    scene = scene_of(scan, moved(turn, 100.0), options, up=None, points=100.0 * np.eye(3) @ turn.T)
    assert scene.up.tolist() == [0, 0, 1]
    spin = scene.poses[0][:3, :3] @ plain.poses[0][:3, :3].T
    np.testing.assert_allclose(spin @ [0, 0, 1], [0, 0, 1], atol=1e-6)
    for index in plain.indices:
        np.testing.assert_allclose(scene.poses[index][:3], spin @ plain.poses[index][:3], atol=1e-6)
    np.testing.assert_allclose(scene.capture_to_world[:3, :3] @ turn * 100, spin, atol=1e-6)
    assert scene.points is not None
    np.testing.assert_allclose(scene.points, spin.T, atol=1e-6)
    assert scene.floor_height() == pytest.approx(plain.floor_height(), abs=1e-3)


@pytest.mark.parametrize("turn", TURNS)
def test_up_is_found_from_cameras_and_surfaces(scan: Path, turn: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    """All four cameras look down from one side: the mean of their left edges leans by 30 degrees."""
    first = [0, 1, 2, 3]
    with caplog.at_level("INFO"):
        scene = scene_of(
            scan, moved(turn), {"max_bad_share": 1.0}, up=None, damaged={i: "left out" for i in range(4, 12)}
        )
    assert scene.indices == tuple(first)
    tilt = np.degrees(np.linalg.norm(np.cross(scene.capture_to_world[2, :3] @ turn, [0, 0, 1])))
    assert tilt < 0.3 and scene.capture_to_world[2, :3] @ turn[:, 2] > 0
    assert "does not say which way is up" in caplog.text


def test_cameras_held_every_way_need_an_answer(scan: Path) -> None:
    def every_way(shot: Shot) -> Shot:
        return moved(np.diag([1.0, -1.0, -1.0]) if shot.index % 2 else np.eye(3))(shot)

    with pytest.raises(ValueError, match=r"does not say which way is up.*scene\.up=\[0,0,1\]") as raised:
        scene_of(scan, every_way, up=None)
    assert "\n" not in str(raised.value)


def test_what_the_capture_says_is_up_needs_no_estimate_and_leaves_the_poses_as_they_are(scan: Path) -> None:
    scene, capture = scene_of(scan), ScanNetReader()(scan)
    assert (scene.capture_to_world == np.eye(4)).all()
    assert all((scene.poses[s.index] == s.camera_to_world).all() for s in capture.shots)


def test_frames_without_depth_or_instances_have_none(scan: Path) -> None:
    def stripped(shot: Shot) -> Shot:
        return replace(shot, depth=None, depth_lens=None, instance=None, label=None)

    scene = scene_of(scan, stripped)
    frame = scene.frame(2)
    assert not scene.has_depth and not scene.has_instances and scene.floor_height() is None
    assert frame.depth.dtype == np.float32 and not frame.depth.any()
    assert not frame.instance.any() and not scene.instance(2).any() and not scene.label(2).any()
    assert (frame.color == scene_of(scan).frame(2).color).all()
    both = scene_of(scan, lambda shot: stripped(shot) if shot.index % 2 else shot)
    assert both.has_depth and both.has_instances
    assert both.frame(2).depth.any() and not both.frame(3).depth.any()


def test_depth_stays_where_there_are_no_instance_pictures(scan: Path) -> None:
    scene = scene_of(scan, lambda shot: replace(shot, instance=None))
    assert not scene.has_instances
    np.testing.assert_array_equal(scene.frame(1).depth, scene_of(scan).frame(1).depth)


def test_a_camera_that_zooms_is_carried_to_one_pinhole_camera(scan: Path) -> None:
    """Frame 5 has half the pixels per radian: its inner part fills the working image."""

    def zoomed(shot: Shot) -> Shot:
        if shot.index != 5:
            return shot
        k = shot.lens.camera.intrinsics @ np.diag([0.5, 0.5, 1])
        k[:, 2] = shot.lens.camera.intrinsics[:, 2]
        lens = Lens(replace(shot.lens.camera, intrinsics=k))
        return replace(shot, lens=lens, depth_lens=lens)

    plain, scene = scene_of(scan), scene_of(scan, zoomed)
    np.testing.assert_array_equal(scene.camera.intrinsics, plain.camera.intrinsics)
    np.testing.assert_array_equal(scene.frame(4).depth, plain.frame(4).depth)
    shown, whole = scene.frame(5), plain.frame(5)
    v, u = np.mgrid[0:120, 0:160]
    source = (v // 2 + 30, u // 2 + 40)
    np.testing.assert_array_equal(shown.instance, whole.instance[source])
    np.testing.assert_allclose(shown.depth, whole.depth[source], rtol=0.02)


def test_a_lens_of_its_own_is_taken_from_depth_and_ids_too(scan: Path) -> None:
    distortion = (-0.2, 0.05, 0.0, 0.0)

    def bent(shot: Shot) -> Shot:
        lens = replace(shot.lens, distortion=distortion)
        return replace(shot, lens=lens, depth_lens=None)

    plain, frame = scene_of(scan).frame(0), scene_of(scan, bent).frame(0)
    assert (frame.camera.intrinsics == plain.camera.intrinsics).all()
    assert frame.instance[60, 80] == plain.instance[60, 80] and (frame.instance != plain.instance).any()
    assert frame.depth[60, 80] == pytest.approx(plain.depth[60, 80], rel=1e-3)


def test_width_sets_the_working_grid(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    """A phone's small depth under its large colour: carried up, the surfaces stay where they are."""
    root = write_scan(tmp_path / "scan", count=2, color=(640, 480), depth=(80, 60))
    fine = opened(write_scan(tmp_path / "fine", count=2, color=(640, 480), depth=(640, 480)), ScanNetReader())
    without_lens = scene_of(root, lambda shot: replace(shot, depth_lens=None), {"width": 640})
    scene = opened(root, ScanNetReader(), width=640)
    assert (scene.camera.width, scene.camera.height) == (640, 480)
    for one in (scene, without_lens):
        frame, true = one.frame(1), fine.frame(1)
        np.testing.assert_allclose(one.camera.intrinsics, fine.camera.intrinsics)
        np.testing.assert_array_equal(frame.color, true.color)
        np.testing.assert_array_equal(frame.instance, true.instance)
        error = np.abs(frame.depth - true.depth)[(frame.depth > 0) & (true.depth > 0)]
        assert np.median(error) < 1e-3 and (error > 0.02).mean() < 0.04
    small = opened(root, ScanNetReader())
    assert (small.camera.width, small.frame(0).color.shape) == (80, (60, 80, 3))


def test_depth_in_other_units_and_without_meaning_is_metres_or_zero(scan: Path) -> None:
    values = np.full((120, 160), 2.0, np.float32)
    values[0, :5] = [np.nan, np.inf, -1.0, 0.0, -np.inf]

    def floating(shot: Shot) -> Shot:
        return replace(shot, depth=Picture("depth.npy", (160, 120), "", lambda: values))

    depth = scene_of(scan, floating, {"depth_scale": 1.0}).frame(0).depth
    assert depth.dtype == np.float32 and not depth[0, :5].any() and (depth[1:] == 2).all()
    full = np.full((120, 160), 65535, np.uint16)
    full[3] = 65534
    depth = scene_of(scan, lambda s: replace(s, depth=Picture("d.png", (160, 120), "", lambda: full))).frame(0).depth
    assert np.allclose(depth[3], 65.534) and np.count_nonzero(depth) == 160


def test_a_picture_that_is_not_what_its_header_said_is_a_damaged_frame(scan: Path) -> None:
    def lying(shot: Shot) -> Shot:
        if shot.index != 3:
            return shot
        return replace(shot, label=Picture("archive.zip/3.png", (160, 120), "", lambda: np.zeros((60, 80), np.uint8)))

    scene = scene_of(scan, lying)
    with pytest.raises(DamagedFrame, match=r"archive\.zip/3\.png cannot be decoded"):
        scene.label(3)
    big = np.full((120, 160), 2**40)
    scene = scene_of(scan, lambda shot: replace(shot, instance=Picture("ids.npy", (160, 120), "", lambda: big)))
    with pytest.raises(DamagedFrame, match=r"ids\.npy holds ids below 0 or above"):
        scene.instance(3)


def test_frames_that_do_not_fit_their_intrinsics_or_have_no_rigid_pose_are_damaged(scan: Path) -> None:
    def broken(shot: Shot) -> Shot:
        if shot.index == 1:
            return replace(shot, lens=Lens(resized(shot.lens.camera, 320, 240)))
        return replace(shot, camera_to_world=np.diag([2.0, 2, 2, 1])) if shot.index == 2 else shot

    scene = scene_of(scan, broken, {"max_bad_share": 0.2})
    assert set(scene.skipped) == {1, 2}
    assert "color/1.jpg is 160x120, its intrinsics are for 320x240" in scene.skipped[1]
    assert "no rigid motion" in scene.skipped[2]


def test_a_capture_without_a_usable_frame_is_one_line(scan: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no frames: check that scene\.root and scene=<layout> fit together"):
        opened(scan, lambda root: Capture(shots=(), up=None))
    with pytest.raises(ValueError, match=r"has no usable frame \(0\.jpg is truncated\)"):
        opened(scan, lambda root: Capture(shots=(), up=None, damaged={0: "0.jpg is truncated"}), max_bad_share=1.0)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"up": [0, 0, 0]}, r"scene\.up is .*auto or a direction"),
        ({"up": "z"}, r"scene\.up is z"),
        ({"up": [0, 1]}, r"scene\.up is \[0, 1\]"),
        ({"scale": 0.0}, r"scene\.scale is 0\.0; it must be above 0"),
        ({"depth_scale": float("nan")}, r"scene\.depth_scale is nan"),
        ({"width": 0}, r"scene\.width is 0; it must be null or"),
    ],
)
def test_options_are_checked(scan: Path, option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scene_of(scan, options=option)


def test_the_fingerprint_knows_poses_pictures_and_files(scan: Path) -> None:
    before = scene_of(scan).fingerprint()
    assert scene_of(scan).fingerprint() == before
    turned = moved(Rotation.from_rotvec([0, 0, 1e-6]).as_matrix())
    stamped: Change = lambda shot: replace(shot, color=replace(shot.color, stamp="another"))  # noqa: E731
    for change in (turned, stamped):
        assert scene_of(scan, change).fingerprint() != before
    assert scene_of(scan, files=()).fingerprint() != before


def test_the_oracle_of_round_trips_can_fail(scan: Path) -> None:
    plain = scene_of(scan)
    assert_same_scene(plain, scene_of(scan))
    for other in (
        scene_of(scan, moved(Rotation.from_rotvec([0, 0, 1e-4]).as_matrix())),
        scene_of(scan, options={"depth_scale": 0.00101}),
        scene_of(scan, lambda shot: replace(shot, instance=shot.label)),
        scene_of(scan, options={"frame_skip": 2}),
    ):
        with pytest.raises(AssertionError):
            assert_same_scene(plain, other)


def test_photographs_turned_by_90_degrees_are_named(scan: Path, caplog: pytest.LogCaptureFixture) -> None:
    def upright(shot: Shot) -> Shot:
        if shot.index not in (4, 7):
            return shot
        k = shot.lens.camera.intrinsics[[1, 0, 2]][:, [1, 0, 2]]
        image = np.zeros((160, 120, 3), np.uint8)
        color = Picture("upright.jpg", (120, 160), "", lambda: image)
        lens = Lens(replace(shot.lens.camera, intrinsics=k, width=120, height=160))
        return replace(shot, lens=lens, color=color, depth=None, depth_lens=None, instance=None, label=None)

    scene = scene_of(scan, upright)
    assert "2 of 12 frames (the first is 4) are turned by 90 degrees" in caplog.text
    assert scene.frame(4).color.shape == (120, 160, 3)


def test_a_folder_may_be_given_from_the_home_folder(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(scan.parent))
    assert opened(Path("~") / scan.name, ScanNetReader()).indices == tuple(range(12))
