"""NeuS rendering on closed-form fields: where the surface is, what anneals, what is sampled."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from o2recon.render import Field, NeusRenderer, annealed_cosine
from o2recon.tensors import RayBatch

MakeRays = Callable[..., RayBatch]


def renderer(**changes: object) -> NeusRenderer:
    options: dict = {
        "num_uniform_samples": 64,
        "num_importance_samples": 64,
        "num_importance_rounds": 4,
        "cos_anneal_steps": 100,
        "from_camera": False,
        "per_opacity": True,
        "min_opacity": 0.01,
    }
    return NeusRenderer(**(options | changes))


def hit_sphere(rays: RayBatch) -> torch.Tensor:
    """Distance to the sphere of radius 0.5 around the origin; every ray hits it."""
    along = -(rays.origins * rays.directions).sum(-1)
    return along - (0.25 - rays.origins.square().sum(-1) + along.square()).sqrt()


def test_a_sphere_has_its_distance_normal_and_colour(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays()
    truth, out = hit_sphere(rays), renderer()(sphere_field, rays)
    assert (out.opacity > 0.99).all() and (out.ray_distance - truth).abs().max() < 5e-3
    expected = (rays.origins + truth[:, None] * rays.directions) / 0.5
    assert (torch.nn.functional.cosine_similarity(out.normal, expected, dim=-1) > 0.999).all()
    torch.testing.assert_close(out.color, 0.5 + 0.5 * expected, atol=0.03, rtol=0)
    assert out.t.shape == out.sdf.shape == out.weights.shape == (200, 128)
    assert out.gradient.shape == (200 * 128, 3)


def test_rays_that_miss_are_empty(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays()
    away = torch.linalg.cross(rays.origins, torch.randn(200, 3, generator=torch.Generator().manual_seed(0)))
    out = renderer()(sphere_field, replace(rays, directions=torch.nn.functional.normalize(away, dim=-1)))
    assert out.opacity.max() < 1e-3 and out.color.abs().max() < 1e-2


def test_samples_span_the_unit_sphere_wherever_the_camera_stands(sphere_field: Field, make_rays: MakeRays) -> None:
    for distance in (0.3, 2.0, 7.0):
        rays = make_rays(spread=0.0)
        rays = replace(rays, origins=rays.origins * distance / 2)
        t, length = renderer().sections(sphere_field, rays, None)
        start = max(distance - 1, 0.0)
        assert t.min() >= start and (t + length).max() <= start + 2.2
        assert (length >= 0).all() and abs(float(t[0, 0]) - start) < 0.02


def test_counted_from_the_camera_a_far_object_is_not_seen(sphere_field: Field, make_rays: MakeRays) -> None:
    near, far = make_rays(spread=0.1), make_rays(spread=0.1)
    far = replace(far, origins=far.origins * 2)
    assert renderer(from_camera=True)(sphere_field, near).opacity.min() > 0.99
    assert renderer(from_camera=True)(sphere_field, far).opacity.max() < 1e-3
    assert renderer()(sphere_field, far).opacity.min() > 0.99


def test_the_distance_may_stay_undivided(sphere_field: Field, make_rays: MakeRays) -> None:
    rays = make_rays(spread=0.7)
    divided, plain = renderer()(sphere_field, rays), renderer(per_opacity=False)(sphere_field, rays)
    torch.testing.assert_close(plain.ray_distance, divided.ray_distance * divided.opacity.clamp(min=0.01))
    assert (plain.ray_distance < divided.ray_distance).any()


def test_the_cosine_anneals_from_half_the_slope_to_all_of_it() -> None:
    cosine = torch.linspace(-1, 1, 21)
    torch.testing.assert_close(annealed_cosine(cosine, torch.tensor(0.0)), -(0.5 - 0.5 * cosine))
    torch.testing.assert_close(annealed_cosine(cosine, torch.tensor(1.0)), cosine.clamp(max=0))
    assert annealed_cosine(torch.tensor([-1.0]), torch.tensor(0.3)) == -1, "seen squarely nothing changes"


def test_the_step_decides_how_far_it_has_annealed(sphere_field: Field, make_rays: MakeRays) -> None:
    rays, moving = make_rays(spread=0.45), renderer()
    after = moving(sphere_field, rays).opacity
    opacities = []
    for step in (0, 50, 100, 1000):
        moving.set_step(step)
        opacities.append(moving(sphere_field, rays).weights.square().sum())
    assert opacities[0] != opacities[1] != opacities[2] and opacities[2] == opacities[3]
    torch.testing.assert_close(moving(sphere_field, rays).opacity, after)


def test_a_generator_decides_the_samples(sphere_field: Field, make_rays: MakeRays) -> None:
    a, b, c = (renderer()(sphere_field, make_rays(9), generator=torch.Generator().manual_seed(s)).t for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"render\.num_uniform_samples=1"):
        renderer(num_uniform_samples=1)
