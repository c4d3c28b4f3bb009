"""Closed-form scenes through the renderer, and its invariances."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from o2recon.render import Field, Renderer
from o2recon.tensors import RayBatch, RenderOutput

MakeRays = Callable[..., RayBatch]


def renderer(**changes: float) -> Renderer:
    options: dict = {
        "num_free_samples": 24,
        "num_band_samples": 24,
        "num_importance_samples": 24,
        "num_importance_rounds": 2,
        "num_gradient_sections": 3,
        "num_eikonal_samples": 1,
        "band_sigmas": 3.0,
        "min_band": 0.05,
        "min_opacity": 0.01,
    }
    return Renderer(**(options | changes))


def hit_sphere(rays: RayBatch) -> torch.Tensor:
    """Distance to the sphere of radius 0.5 around the origin; every ray hits it."""
    along = -(rays.origins * rays.directions).sum(-1)
    apart = rays.origins.square().sum(-1) - along.square()
    return along - (0.25 - apart).sqrt()


def hit_box(rays: RayBatch) -> torch.Tensor:
    """Slab test against the box with half extents (0.5, 0.3, 0.4); every ray hits it."""
    half = torch.tensor([0.5, 0.3, 0.4])
    entries = (-half * rays.directions.sign() - rays.origins) / rays.directions
    return entries.amax(-1)


@pytest.mark.parametrize("known", [False, True])
def test_a_sphere_has_its_distance_and_normal(sphere_field: Field, make_rays: MakeRays, known: bool) -> None:
    rays = make_rays()
    truth = hit_sphere(rays)
    if known:
        rays = replace(rays, surface_distance=truth + 0.01)
    out = renderer()(sphere_field, rays)
    assert (out.opacity > 0.999).all()
    assert (out.ray_distance - truth).abs().max() < 2e-3
    expected = (rays.origins + truth[:, None] * rays.directions) / 0.5
    assert (torch.nn.functional.cosine_similarity(out.normal, expected, dim=-1) > 0.9995).all()
    torch.testing.assert_close(out.color, 0.5 + 0.5 * expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("known", [False, True])
def test_a_box_has_its_distance(box_field: Field, make_rays: MakeRays, known: bool) -> None:
    rays = make_rays(spread=0.2)
    truth = hit_box(rays)
    if known:
        rays = replace(rays, surface_distance=truth)
    error = (renderer()(box_field, rays).ray_distance - truth).abs()
    assert error.median() < 1e-3 and error.max() < 0.01


def test_rays_that_miss_are_empty(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays()
    away = torch.linalg.cross(rays.origins, torch.randn(200, 3, generator=torch.Generator().manual_seed(0)))
    out = renderer()(sphere_field, replace(rays, directions=torch.nn.functional.normalize(away, dim=-1)))
    assert out.opacity.max() < 1e-3


def test_permuting_rays_permutes_the_output(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays(spread=0.8)
    rays = replace(rays, surface_distance=torch.where(torch.arange(200) % 2 == 0, 1.6, 0.0))
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    permuted = RayBatch(**{f.name: getattr(rays, f.name)[order] for f in fields(rays)})
    assert_same(renderer()(sphere_field, rays), renderer()(sphere_field, permuted), order)


def test_chunks_give_what_the_whole_gives(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays(spread=0.8)
    part = RayBatch(**{f.name: getattr(rays, f.name)[50:120] for f in fields(rays)})
    assert_same(renderer()(sphere_field, rays), renderer()(sphere_field, part), torch.arange(50, 120))


def assert_same(whole: RenderOutput, other: RenderOutput, rows: torch.Tensor) -> None:
    for name in ("color", "ray_distance", "normal", "opacity", "t", "sdf", "weights"):
        torch.testing.assert_close(getattr(whole, name)[rows], getattr(other, name), rtol=1e-4, atol=1e-5)


def test_shapes_do_not_depend_on_what_is_known(sphere_field: Field, make_rays: MakeRays) -> None:
    for distance in (torch.zeros(20), torch.full((20,), 1.5)):
        out = renderer()(sphere_field, make_rays(20, surface_distance=distance), generator=torch.Generator())
        assert out.t.shape == out.sdf.shape == (20, 48)
        assert out.weights.shape == (20, 47)
        assert out.gradient.shape == (20 * 4, 3)


def test_rays_without_any_length_are_empty(sphere_field: Field, make_rays: MakeRays) -> None:
    out = renderer()(sphere_field, make_rays(5, far=torch.full((5,), 0.5)))
    assert torch.equal(out.opacity, torch.zeros(5))
    assert out.ray_distance.isfinite().all() and out.color.isfinite().all()


def test_a_generator_decides_the_samples(sphere_field: Field, make_rays: MakeRays) -> None:
    a, b, c = (renderer()(sphere_field, make_rays(9), generator=torch.Generator().manual_seed(s)).t for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_moving_the_rendered_distance_moves_the_surface(make_field: Callable[..., Field], make_rays: MakeRays) -> None:
    """d(distance)/d(radius) of a sphere hit through its centre is -1."""
    radius = torch.tensor(0.5, requires_grad=True)
    field = make_field(lambda p: p.norm(dim=-1) - radius)
    rays = make_rays(spread=0.0, surface_distance=torch.full((200,), 1.5))
    renderer()(field, rays).ray_distance.mean().backward()
    assert abs(radius.grad + 1) < 0.02


@pytest.mark.parametrize("change", [{"num_importance_samples": 47}, {"num_gradient_sections": 48}])
def test_impossible_counts_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        renderer(**change)
