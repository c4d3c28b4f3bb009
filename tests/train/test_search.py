"""Sphere tracing against the closed form."""

import torch
from sphere_scene import ray_options, sphere_scene

from o2recon.data import RayBuilder, RayTable, Role, concatenated
from o2recon.train import SurfaceSearch

SEARCH = SurfaceSearch(num_steps=24, step_share=0.95, min_step=0.01)


def scene_table() -> tuple[RayTable, float]:
    scene = sphere_scene()
    builder = RayBuilder(**ray_options())
    return concatenated([builder(view, scene.frame) for view in scene.views]), scene.radius / scene.frame.scale


def test_the_surface_is_found_where_it_was_measured() -> None:
    table, radius = scene_table()
    rays = table.batch(torch.nonzero((table.role == Role.VISIBLE) & (table.surface_distance > 0)).flatten())
    found, value = SEARCH.closest(lambda p: p.norm(dim=-1) - radius, rays)
    error = (found - rays.surface_distance).abs()
    assert error.quantile(0.99) < 5e-3 and error.max() < 0.05
    assert (value < 0.01).all()


def test_a_ray_that_misses_gets_its_closest_approach() -> None:
    table, radius = scene_table()
    rays = table.batch(torch.nonzero(table.role == Role.BACKGROUND).flatten())
    along = -(rays.origins * rays.directions).sum(-1)
    distance = (rays.origins + along[:, None] * rays.directions).norm(dim=-1) - radius
    misses = (distance > 0.02) & (along > rays.near) & (along < rays.far)
    found, value = SEARCH.closest(lambda p: p.norm(dim=-1) - radius, rays)
    assert misses.sum() > 100
    assert (value - distance)[misses].quantile(0.95) < 0.02
    assert (found - along).abs()[misses].quantile(0.99) < 0.2


def test_a_thin_plate_is_not_missed() -> None:
    table, _ = scene_table()
    rays = table.batch(torch.nonzero(table.role == Role.VISIBLE).flatten())

    def plate(p: torch.Tensor) -> torch.Tensor:
        return p[:, 2].abs() - 0.008

    t = (0.008 * rays.origins[:, 2].sign() - rays.origins[:, 2]) / rays.directions[:, 2]
    inside = (t > rays.near) & (t < rays.far)
    found, _ = SEARCH.closest(plate, rays)
    assert inside.sum() > 1000
    assert ((found - t).abs()[inside] < 0.03).all()


def test_only_rays_without_a_surface_are_guided() -> None:
    table, radius = scene_table()
    rays = table.batch(torch.arange(len(table)))
    guided = SEARCH.guided(lambda p: p.norm(dim=-1) - radius, rays)
    known = rays.surface_distance > 0
    assert torch.equal(guided.surface_distance[known], rays.surface_distance[known])
    assert (guided.surface_distance > 0).all()


def test_searching_all_rays_with_fixed_shapes_finds_the_same() -> None:
    table, radius = scene_table()
    rays = table.batch(torch.arange(len(table)))
    expected = SEARCH._compacted(lambda p: p.norm(dim=-1) - radius, rays)
    found = SEARCH._fixed(lambda p: p.norm(dim=-1) - radius, rays)
    torch.testing.assert_close(found[0], expected[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1], expected[1], atol=1e-5, rtol=0)
