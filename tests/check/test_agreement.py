"""Carried depth against closed forms: planes, factors, occlusion."""

import numpy as np
import pytest

from o2recon.check.agreement import Hypothesis, sampled
from o2recon.check.views import Views
from o2recon.types import Camera

CAMERA = Camera(np.array([[90.0, 0, 52.3], [0, 94, 38.1], [0, 0, 1]]), 104, 76)
NORMAL, OFFSET = np.array([0.2, -0.1, 1.0]), 3.0
"""The plane normal . x = offset."""


def plane_views(ray_distance: bool = False) -> Views:
    """Three cameras in front of a slanted plane."""
    poses, depth = [], []
    u, v = np.meshgrid(np.arange(CAMERA.width) + 0.5, np.arange(CAMERA.height) + 0.5)
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(CAMERA.intrinsics).T
    for turn, right in ((-0.15, 0.3), (0.0, 0.0), (0.1, -0.4)):
        pose = np.eye(4)
        pose[:3, :3] = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
        pose[:3, 3] = right, 0.1 * right, 0.2
        z = (OFFSET - NORMAL @ pose[:3, 3]) / (rays @ pose[:3, :3].T @ NORMAL)
        depth.append(z * np.linalg.norm(rays, axis=-1) if ray_distance else z)
        poses.append(pose)
    pairs = np.array([(a, b) for a in range(3) for b in range(3) if a != b])
    return Views((0, 1, 2), CAMERA, np.array(depth), np.array(poses), {}, pairs, ())


@pytest.mark.parametrize("kind", ["z", "distance"])
def test_planes_agree_exactly_between_views(kind: str) -> None:
    views = plane_views(ray_distance=kind == "distance")
    found = sampled(views, inverted=False, count=300).under(Hypothesis(views.poses, CAMERA, kind=kind))
    assert found.share == 1 and found.through == 0 and found.overlap > 0.6
    assert np.abs(found.residuals).max() < (1e-9 if kind == "z" else 1e-3)


def test_a_common_factor_of_depth_and_translation_changes_nothing() -> None:
    views = plane_views()
    larger = views.poses.copy()
    larger[:, :3, 3] *= 7
    samples = sampled(views, inverted=False, count=300)
    one, other = samples.under(Hypothesis(views.poses, CAMERA)), samples.under(Hypothesis(larger, CAMERA, scale=7.0))
    np.testing.assert_allclose(one.residuals, other.residuals, atol=1e-9)


def test_inverse_depth_is_undone_by_its_constant() -> None:
    views = plane_views()
    turned = Views(views.indices, CAMERA, 2.5 / views.depth, views.poses, {}, views.pairs, ())
    found = sampled(turned, inverted=True, count=300).under(Hypothesis(views.poses, CAMERA, scale=2.5, kind="inverse"))
    assert found.share == 1 and found.median < 1e-3


def test_depth_that_is_a_tenth_too_long_shows_as_that() -> None:
    """The second camera stands where the first one does: every pixel carries its own depth, a tenth too long."""
    views = plane_views()
    depth = np.stack([views.depth[0] * 1.1, views.depth[0], views.depth[0]])
    poses = np.repeat(views.poses[:1], 3, 0)
    same = Views(views.indices, CAMERA, depth, poses, {}, np.array([[0, 1]]), ())
    found = sampled(same, inverted=False, count=300).under(Hypothesis(poses, CAMERA))
    np.testing.assert_allclose(found.residuals, 0.1, atol=1e-9)
    assert found.share == 0 and found.through == 0


def test_what_lies_behind_another_surface_is_no_contradiction() -> None:
    """A box stands before the second camera only."""
    views = plane_views()
    depth = views.depth.copy()
    depth[1, 20:50, 30:70] *= 0.5
    hidden = Views(views.indices, CAMERA, depth, views.poses, {}, np.array([[0, 1], [2, 1]]), ())
    found = sampled(hidden, inverted=False, count=300).under(Hypothesis(views.poses, CAMERA))
    assert 0.5 < found.share < 1 and found.through == 0 and found.residuals.max() > 0.5
