import numpy as np
import pytest

from o2recon.baselines import screened_poisson

SPACING = 0.01  # metres, of the fixture


def test_a_sphere_seen_from_around_closes_with_its_own_volume(sphere, baseline):
    capture, folder = sphere
    mesh = baseline("tsdf_closed")(capture, folder)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * capture.sphere.radius**3, rel=0.05)


def test_a_half_seen_sphere_closes_and_stays_where_it_was_seen(half_seen, baseline):
    capture, folder = half_seen
    method = baseline("tsdf_closed")
    mesh, open_mesh = method(capture, folder), method.surface(capture, folder)
    assert mesh.is_watertight
    _, far, _ = mesh.nearest.on_surface(open_mesh.vertices[::20])
    assert np.quantile(far, 0.95) < SPACING


@pytest.mark.parametrize("center", [(23.5, 23.5, 23.5), (20.2, 25.7, 23.1)])
def test_the_indicator_of_exact_samples_is_that_of_the_sphere(center):
    directions = np.random.default_rng(0).normal(size=(8000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radius, shape = 14.0, (48, 48, 48)
    areas = np.full(len(directions), 4 * np.pi * radius**2 / len(directions))
    u = screened_poisson(radius * directions + center, directions, areas, shape, screening=4.0, iterations=15)
    distance = np.linalg.norm(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) - center, axis=-1)
    assert (u[distance < radius - 1] > 0).all() and (u[distance > radius + 1] < 0).all()
    assert np.median(u[distance < radius - 3]) == pytest.approx(0.5, abs=0.1)
    assert np.median(u[distance > radius + 3]) == pytest.approx(-0.5, abs=0.1)
