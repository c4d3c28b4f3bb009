"""Every planted mistake is named with its remedy; correct scans pass; what cannot be tested is said."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from planted_mistakes import CORRECT, MISTAKES, MistakenScene, Planted, moved

from o2recon.check import ConventionCheck, Report
from o2recon.check.color import ColorOffset
from o2recon.check.outlines import OutlineOffset
from o2recon.check.remedies import about_color, about_outlines
from o2recon.scene import Scene
from o2recon.types import Frame

OPTIONS = {"depth_scale": 0.001, "scale": 1.0, "pose": "camera_to_world", "axes": "opencv"}
ABOUT = ["poses and depth", "colour and depth", "ids and depth"]
ROOMS = ("room_dining", "room_living", "room_gym", "kitchen_a")


def found(check: ConventionCheck, scene: Scene, planted: Planted = CORRECT) -> Report:
    return check(MistakenScene(scene, planted), OPTIONS)


@pytest.mark.parametrize("mistake", ["inverted", "opengl", "centimetres", "colour beside depth"])
def test_a_planted_mistake_is_named_with_its_remedy(check: ConventionCheck, tiny: Scene, mistake: str) -> None:
    planted, report = MISTAKES[mistake], found(check, tiny, MISTAKES[mistake])
    assert report.level == "wrong"
    (worst,) = report.worst()
    assert worst.name == planted.name
    assert planted.remedy is None or worst.remedy == planted.remedy


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("room", ["tiny", *ROOMS])
def test_every_mistake_is_named_on_every_scan(
    check: ConventionCheck,
    opened: Callable[[Path], Scene],
    tiny: Scene,
    request: pytest.FixtureRequest,
    room: str,
    mistake: str,
) -> None:
    scene = tiny if room == "tiny" else opened(request.getfixturevalue("shared_data") / room)
    planted, report = MISTAKES[mistake], found(check, scene, MISTAKES[mistake])
    assert report.level == "wrong"
    (worst,) = report.worst()
    assert worst.name == planted.name
    assert planted.remedy is None or said(worst.remedy, planted.remedy)


def said(remedy: str | None, expected: str) -> bool:
    """The remedy begins as expected; a number after = may be off by 3 %."""
    option, _, value = expected.rpartition("=")
    given = re.match(re.escape(option) + r"=([^ ,]+)", remedy or "")
    try:
        return given is not None and abs(float(given[1]) / float(value) - 1) < 0.03
    except ValueError:
        return (remedy or "").startswith(expected)


def test_a_correct_scan_passes(check: ConventionCheck, tiny: Scene) -> None:
    report = found(check, tiny)
    assert report.level == "ok" and [f.about for f in report.findings] == ABOUT
    assert f"colour lies on depth, 0.1 pixels off in images {tiny.camera.width} wide" == report.findings[1].message


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_correct_rooms_pass(
    check: ConventionCheck, opened: Callable[[Path], Scene], shared_data: Path, room: str
) -> None:
    assert found(check, opened(shared_data / room)).level == "ok"


class Outlined(MistakenScene):
    """Every object's mask wider by some pixels, or narrower."""

    def __init__(self, base: Scene, px: int) -> None:
        super().__init__(base, CORRECT)
        self._px = px

    def frame(self, index: int) -> Frame:
        frame = super().frame(index)
        disc, ids = np.ones((2 * abs(self._px) + 1,) * 2, np.uint8), frame.instance.astype(np.uint8)
        ids = cv2.dilate(ids, disc) if self._px > 0 else cv2.erode(ids, disc)
        return replace(frame, instance=ids.astype(np.int32))


@pytest.mark.parametrize(
    ("px", "name", "remedy"),
    [(5, "wide_outlines", "outlines=voted"), (-4, "narrow_outlines", "outlines=voted outlines.grow_px=[45]")],
)
def test_outlines_that_miss_where_depth_ends_are_named(
    check: ConventionCheck, tiny: Scene, px: int, name: str, remedy: str
) -> None:
    report = check(Outlined(tiny, px), OPTIONS)
    (worst,) = report.worst()
    assert (worst.level, worst.name) == ("doubtful", name) and re.fullmatch(remedy, worst.remedy or "")
    assert check(Outlined(tiny, 0), OPTIONS).level == "ok"


def test_a_wider_reach_is_named_where_it_is_needed() -> None:
    assert about_outlines(OutlineOffset(9.2, 0.9, 5000)) == "outlines=voted outlines.reach_px=10"


def shifted_copy(room: Path, copy: Path, right: int, down: int, *, ids: bool = True) -> Path:
    """The scan with its colour and the ids drawn on it moved by whole pixels."""
    shutil.copytree(room, copy)
    for file in [*(copy / "color").iterdir(), *((copy / "instance-filt").iterdir() if ids else ())]:
        image = np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
        affine = np.array([[1.0, 0, right], [0, 1, down]])
        image = cv2.warpAffine(image, affine, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        file.unlink()
        cv2.imwrite(str(file.with_suffix(".png")), image)
    return copy


def assert_mended(check: ConventionCheck, opened: Callable[..., Scene], copy: Path) -> None:
    """The remedy names (6, -4) to half a pixel, and with it the check passes."""
    options = OPTIONS | {"color_offset": None}
    finding = check(opened(copy), options).findings[1]
    told = re.fullmatch(r"scene\.color_offset=\[([^,]+),([^,]+)\]", finding.remedy or "")
    assert told is not None and finding.name == "unregistered_color"
    offset = [float(told[1]), float(told[2])]
    np.testing.assert_allclose(offset, [6, -4], atol=0.5)
    again = check(opened(copy, scene_offset=offset), options | {"color_offset": offset}).findings[1]
    assert again.level == "ok" and "colour lies on depth" in again.message


def test_colour_beside_depth_is_mended_by_the_option_that_is_named(
    check: ConventionCheck, opened: Callable[..., Scene], tiny_room: Path, tmp_path: Path
) -> None:
    assert_mended(check, opened, shifted_copy(tiny_room, tmp_path / "room", 6, -4))


def test_ids_that_lie_on_depth_stay_there_when_colour_is_moved(
    check: ConventionCheck, opened: Callable[..., Scene], tiny_room: Path, tmp_path: Path
) -> None:
    scene = opened(shifted_copy(tiny_room, tmp_path / "room", 6, -4, ids=False))
    remedy = check(scene, OPTIONS | {"color_offset": None, "ids_on": "auto"}).findings[1].remedy or ""
    assert remedy.startswith("scene.color_offset=[") and remedy.endswith("] scene.ids_on=depth")


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS[:3])
def test_colour_beside_depth_is_mended_in_rooms(
    check: ConventionCheck, opened: Callable[..., Scene], shared_data: Path, tmp_path: Path, room: str
) -> None:
    assert_mended(check, opened, shifted_copy(shared_data / room, tmp_path / "room", 6, -4))


def test_an_offset_that_was_given_is_added_to_and_in_pixels_of_the_stored_images() -> None:
    found = ColorOffset(right=2.0, down=-1.1, size=1.0, clear=9.0, rims=5000, steady=True)
    given, on_colour = OPTIONS | {"color_offset": [1, 0], "ids_on": "auto"}, {"ids_lie_on_depth": False}
    assert about_color(found, given, pixels=np.array([2.0, 2.0]), **on_colour) == "scene.color_offset=[5,-2]"
    without = about_color(found, OPTIONS, pixels=None, **on_colour)
    assert without == "register depth to colour, or correct the intrinsics of colour"
    larger = about_color(replace(found, size=1.1), given, pixels=np.ones(2), **on_colour)
    assert "focal lengths of colour by 1.1," in larger


def test_colour_a_third_of_a_percent_beside_depth_is_no_mistake(check: ConventionCheck, tiny: Scene) -> None:
    assert found(check, tiny, Planted("moved", color=moved(0.003, 0.003))).level == "ok"


class WithoutDepth(MistakenScene):
    """Colour and poses alone."""

    def __init__(self, base: Scene, planted: Planted) -> None:
        super().__init__(base, planted)
        self.has_depth = False

    def frame(self, index: int) -> Frame:
        frame = super().frame(index)
        return replace(frame, depth=np.zeros_like(frame.depth))


POSED = [name for name, planted in MISTAKES.items() if "depth" not in planted.name and "color" not in planted.name]
SEEN_IN_COLOUR = [name for name in POSED if name != "distance along the ray"]


@pytest.mark.parametrize("mistake", ["inverted", "poses of the next frame"])
def test_without_depth_images_show_wrong_poses(check: ConventionCheck, tiny: Scene, mistake: str) -> None:
    planted = MISTAKES[mistake]
    (worst,) = check(WithoutDepth(tiny, planted), OPTIONS).worst()
    assert worst.level == "wrong" and worst.name == planted.name
    assert planted.remedy is None or worst.remedy == planted.remedy


@pytest.mark.slow
@pytest.mark.parametrize("mistake", SEEN_IN_COLOUR)
@pytest.mark.parametrize("room", ["tiny", *ROOMS])
def test_without_depth_every_wrong_pose_is_named(
    check: ConventionCheck,
    opened: Callable[[Path], Scene],
    tiny: Scene,
    request: pytest.FixtureRequest,
    room: str,
    mistake: str,
) -> None:
    scene = tiny if room == "tiny" else opened(request.getfixturevalue("shared_data") / room)
    planted = MISTAKES[mistake]
    worst = check(WithoutDepth(scene, planted), OPTIONS).worst()[0]
    assert worst.level == "wrong" and worst.name == planted.name


def test_without_depth_the_unit_is_said_to_be_untested(check: ConventionCheck, tiny: Scene) -> None:
    images, unit = check(WithoutDepth(tiny, CORRECT), OPTIONS).findings
    assert images.level == "ok" and "matched features" in images.message
    assert unit.level == "untested" and "no depth" in unit.message


def test_without_depth_and_texture_nothing_is_claimed(check: ConventionCheck, tiny: Scene) -> None:
    scene = WithoutDepth(tiny, Planted("grey", color=lambda color: np.full_like(color, 128)))
    report = check(scene, OPTIONS)
    assert report.level == "untested" and any("0 features" in f.message for f in report.findings)


def test_a_camera_on_a_tripod_is_said_to_show_nothing(check: ConventionCheck, tiny: Scene) -> None:
    """Every frame is the first one: it agrees with itself, whatever the poses mean."""
    report = found_still(check, tiny)
    assert report.level == "untested" and "move too little" in report.findings[0].message


def found_still(check: ConventionCheck, tiny: Scene) -> Report:
    scene = MistakenScene(tiny, CORRECT)
    first = tiny.frame(tiny.indices[0])
    scene.poses = dict.fromkeys(tiny.indices, first.camera_to_world)
    scene.frame = lambda index: replace(first, index=index)  # type: ignore[method-assign]
    return check(scene, OPTIONS)


@pytest.mark.slow
def test_views_that_share_nothing_are_said_to_be_untested(check: ConventionCheck, tiny: Scene) -> None:
    """Every frame shows a small patch of its own."""
    scene = MistakenScene(tiny, CORRECT)

    def patch(index: int) -> Frame:
        frame = tiny.frame(index)
        rows = np.zeros_like(frame.depth, bool)
        rows[40:60, 11 * index % 140 : 11 * index % 140 + 8] = True
        return replace(frame, depth=np.where(rows, frame.depth, 0))

    scene.frame = patch  # type: ignore[method-assign]
    report = check(scene, OPTIONS)
    assert report.findings[0].level == "untested" and "seen in another" in report.findings[0].message


@pytest.mark.slow
def test_poses_at_random_are_refused_without_a_remedy_that_does_not_fit(check: ConventionCheck, tiny: Scene) -> None:
    generator = np.random.default_rng(3)

    def disturbed(pose: np.ndarray) -> np.ndarray:
        q, _ = np.linalg.qr(np.eye(3) + 0.15 * generator.normal(size=(3, 3)))
        q = q * np.sign(np.diag(q))
        return np.block([[q @ pose[:3, :3], pose[:3, 3:] + 0.3 * generator.normal(size=(3, 1))], [pose[3:]]])

    report = found(check, tiny, Planted("random", pose=disturbed))
    assert report.findings[0].level in ("wrong", "doubtful") and report.findings[0].name == "unknown"


def test_the_report_survives_json(check: ConventionCheck, tiny: Scene) -> None:
    content = json.loads(json.dumps(found(check, tiny, MISTAKES["inverted"]).to_json(), allow_nan=False))
    again = Report.from_json(content)
    assert again.level == "wrong" and json.loads(json.dumps(again.to_json())) == content
