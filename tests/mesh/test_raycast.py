"""Rays against closed forms and against other implementations."""

import numpy as np
import pytest
import trimesh

from o2recon.mesh import Caster
from o2recon.types import Camera


def looking_down(height: float) -> np.ndarray:
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = height
    return pose


def test_depth_of_a_ball_is_the_closed_form():
    mesh = trimesh.creation.icosphere(subdivisions=6, radius=0.5)
    mesh.apply_translation([100, 50, 0])
    camera = Camera(np.array([[60.0, 0, 16], [0, 60.0, 12], [0, 0, 1]]), 32, 24)
    pose = looking_down(2.0)
    pose[:2, 3] = [100, 50]
    depth, face = Caster(mesh).depth_image(camera, pose)
    y, x = np.mgrid[:24, :32] + 0.5
    rays = np.stack([(x - 16) / 60, (y - 12) / 60, np.ones_like(x)], -1)
    a, b = (rays**2).sum(-1), rays[..., 2] * 2
    root = b**2 - a * (4 - 0.25)
    inside = root > 0.01
    np.testing.assert_allclose(depth[inside], ((b - np.sqrt(root.clip(0))) / a)[inside], atol=2e-3)
    assert np.isinf(depth[root < 0]).all() and (face[root < 0] == -1).all()


def test_an_empty_mesh_is_missed_by_every_ray():
    distance, face = Caster(trimesh.Trimesh()).first_hit(np.zeros((3, 3)), np.eye(3))
    assert np.isinf(distance).all() and (face == -1).all()
    assert not Caster(trimesh.Trimesh()).contains(np.zeros((3, 3))).any()


@pytest.mark.parametrize("mesh", [trimesh.creation.box([1, 1, 1]), trimesh.creation.torus(0.5, 0.2)])
def test_inside_agrees_with_the_closed_form(mesh):
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (20000, 3))
    if len(mesh.faces) == 12:
        signed = np.abs(points).max(1) - 0.5
    else:
        signed = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.5, points[:, 2]) - 0.2
    clear = np.abs(signed) > 0.01
    np.testing.assert_array_equal(Caster(mesh).contains(points)[clear], signed[clear] < 0)


def test_inside_agrees_with_the_winding_number_of_trimesh_rays():
    mesh = trimesh.creation.annulus(r_min=0.2, r_max=0.5, height=0.6)
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (5000, 3))
    assert (Caster(mesh).contains(points) == mesh.contains(points)).mean() > 0.9995


def test_overlapping_bodies_count_as_their_union_and_cavities_are_outside():
    a, b = trimesh.creation.box([1, 1, 1]), trimesh.creation.box([1, 1, 1])
    b.apply_translation([0.5, 0.5, 0.5])
    hole = trimesh.creation.box([0.2, 0.2, 0.2])
    hole.apply_translation([-0.3, -0.3, -0.3])
    hole.invert()
    caster = Caster(trimesh.util.concatenate([a, b, hole]))
    points = np.array([[0.3, 0.3, 0.3], [-0.1, 0, 0.1], [0.9, 0.9, 0.8], [-0.3, -0.31, -0.3], [-0.3, 0.8, 0]])
    assert caster.contains(points).tolist() == [True, True, True, False, False]
