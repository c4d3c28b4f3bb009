"""Remedies are options relative to what is set, in round numbers where the world has them."""

from dataclasses import replace

import numpy as np
import pytest

from o2recon.check.hypotheses import Mistake, given, posed, scaled
from o2recon.check.remedies import told
from o2recon.check.views import Views
from o2recon.types import Camera

CAMERA = Camera(np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]]), 160, 120)
START = given(Views((0,), CAMERA, np.ones((1, 120, 160)), np.eye(4)[None], {}, np.zeros((0, 2), int), ()))
OPTIONS = {"depth_scale": 0.001, "scale": 1.0, "pose": "camera_to_world", "axes": "opencv"}


def posed_as(reading: str, *axes: str) -> Mistake:
    return next(m for m in posed(START) if (m.values["reading"], m.values["axes"]) == (reading, axes))


def remedy(mistake: Mistake, options: dict[str, object] = OPTIONS, median_depth: float = 2.0) -> str | None:
    return told(mistake, options, median_depth=median_depth, width=640)[1]


@pytest.mark.parametrize(
    ("factor", "depth", "expected"),
    [
        (9.93, 0.2, "scene.depth_scale=0.01"),
        (0.0998, 20.0, "scene.depth_scale=0.0001"),
        (0.203, 10.0, "scene.depth_scale=0.0002"),
        (1003, 0.002, "scene.depth_scale=1"),
        (1.01e-6, 2e6, "scene.depth_scale=1e-09, or scene.scale=9.901e+05 if depth is right"),
        (1.21, 2.0, "scene.depth_scale=0.00121, or scene.scale=0.8264 if depth is right"),
        (0.025, 2.0, "scene.scale=40"),
    ],
)
def test_the_unit_of_depth_or_of_the_poses(factor: float, depth: float, expected: str) -> None:
    (mistake,) = scaled(START, np.array([factor], float))
    assert remedy(mistake, median_depth=depth) == expected


@pytest.mark.parametrize(
    ("pose", "axes", "mistake", "expected"),
    [
        ("camera_to_world", "opencv", ("inverted", "x", "y", "z"), "scene.pose=world_to_camera"),
        ("world_to_camera", "opencv", ("inverted", "x", "y", "z"), "scene.pose=camera_to_world"),
        ("camera_to_world", "opencv", ("same", "x", "-y", "-z"), "scene.axes=opengl"),
        ("camera_to_world", "opengl", ("same", "x", "-y", "-z"), "scene.axes=opencv"),
        ("camera_to_world", ["y", "-x", "z"], ("same", "x", "-y", "-z"), "scene.axes=[y,x,-z]"),
        ("camera_to_world", "opengl", ("inverted", "x", "y", "z"), "scene.pose=world_to_camera scene.axes=opencv"),
    ],
)
def test_conventions_are_set_so_that_the_cameras_become_right(
    pose: str, axes: object, mistake: tuple[str, ...], expected: str
) -> None:
    assert remedy(posed_as(*mistake), OPTIONS | {"pose": pose, "axes": axes}) == expected


def test_what_has_no_option_is_said_in_words() -> None:
    told_of = remedy(posed_as("transposed_rotation", "x", "y", "z"))
    assert told_of is not None and "scene." not in told_of
    shifted = replace(START, name="shifted_poses", values={"places": -2})
    sentence, advice = told(shifted, OPTIONS, median_depth=2.0, width=640)
    assert "2 frames earlier" in sentence and advice == "match them again by their timestamps"


def test_scenes_without_these_options_get_no_option_advised() -> None:
    assert "scene." not in (remedy(posed_as("inverted", "x", "y", "z"), {}) or "")
