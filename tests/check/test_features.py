"""Matched features against projections of known points."""

from dataclasses import replace

import numpy as np
import pytest
from planted_mistakes import CORRECT, MistakenScene

from o2recon.cameras import project
from o2recon.check.agreement import Hypothesis
from o2recon.check.features import LEAST, Matches, matched
from o2recon.check.views import Views, read_views
from o2recon.scene import Scene
from o2recon.types import Camera

CAMERA = Camera(np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]]), 160, 120)


def looking(angle: float) -> np.ndarray:
    """From 3 m away, at the origin."""
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    pose[:3, 3] = -3 * pose[:3, 2]
    return pose


@pytest.fixture
def exact() -> Matches:
    """The projections of 200 points, in two pairs."""
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (200, 3))
    poses = np.array([looking(a) for a in (0.0, 0.3, 0.7)])
    seen = [project(CAMERA, pose, points)[0] for pose in poses]
    pairs = np.array([[0, 1], [1, 2], [1, 0], [2, 1]])
    views = Views((0, 1, 2), CAMERA, np.zeros((3, 120, 160)), poses, {}, pairs, ())
    return Matches(
        views, np.repeat([0, 1], 200), np.concatenate([seen[0], seen[1]]), np.concatenate([seen[1], seen[2]])
    )


def test_projections_of_the_same_points_agree_exactly(exact: Matches) -> None:
    found = exact.under(Hypothesis(exact.views.poses, CAMERA))
    assert found.share == 1 and found.cost < 1e-9 and exact.is_enough


def test_the_unit_of_the_poses_makes_no_difference(exact: Matches) -> None:
    larger = exact.views.poses.copy()
    larger[:, :3, 3] *= 30
    assert exact.under(Hypothesis(larger, CAMERA)).cost < 1e-9


def test_points_behind_the_cameras_do_not_agree(exact: Matches) -> None:
    """Mirroring all three axes keeps every epipolar line, and puts all points behind."""
    mirrored = exact.views.poses @ np.diag([-1.0, -1, -1, 1])
    assert exact.under(Hypothesis(mirrored, CAMERA)).share == 0


def test_a_pixel_off_the_line_is_measured_as_that(exact: Matches) -> None:
    """The cameras turn in a level plane: an offset upwards leaves the epipolar lines, most of them nearly level."""
    moved = replace(exact, second=exact.second + [0, 1.0])
    median = exact.views.camera.width * moved.under(Hypothesis(exact.views.poses, CAMERA)).median
    assert median == pytest.approx(np.sqrt(0.5), abs=0.1)  # Sampson's distance shares it between both images


def test_frames_without_a_pose_are_left_out(exact: Matches) -> None:
    poses = exact.views.poses.copy()
    poses[2] = np.nan
    found = exact.under(Hypothesis(poses, CAMERA))
    assert found.share == 1 and len(found.residuals) == 200


def test_features_of_the_same_surface_are_matched(tiny: Scene) -> None:
    """By depth and poses the matches lie within two pixels of where they should."""
    views = read_views(MistakenScene(tiny, CORRECT), anchors=8, shifts=())
    matches = matched(views)
    assert len(matches.pair) > LEAST
    assert matches.under(Hypothesis(views.poses, views.camera)).share > 0.6
