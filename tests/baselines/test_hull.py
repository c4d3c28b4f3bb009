import numpy as np
import pytest

from o2recon.mesh import Caster

SPACING = 0.01  # metres, of the fixture


def test_the_hull_holds_all_of_the_sphere_and_little_else(sphere, baseline):
    capture, folder = sphere
    mesh = baseline("hull")(capture, folder)
    assert mesh.is_watertight
    directions = np.random.default_rng(0).normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    on_sphere = capture.sphere.frame.center + (capture.sphere.radius - 2 * SPACING) * directions
    assert Caster(mesh).contains(on_sphere).all()
    ball = 4 / 3 * np.pi * capture.sphere.radius**3
    assert ball < mesh.volume < 3 * ball


def test_what_is_far_from_every_own_point_is_left_out(half_seen, baseline):
    capture, folder = half_seen
    method = baseline("hull")
    mesh = method(capture, folder)
    own = baseline("tsdf")(capture, folder)
    _, far, _ = own.nearest.on_surface(mesh.vertices[::50])
    assert far.max() < method.reach + 3 * SPACING


def test_an_object_without_a_measured_point_is_an_error(half_seen, baseline):
    capture, folder = half_seen
    capture.instance = lambda index: np.zeros((128, 128), int)
    with pytest.raises(ValueError, match="no permitted voxel holds a measured point"):
        baseline("hull")(capture, folder)
