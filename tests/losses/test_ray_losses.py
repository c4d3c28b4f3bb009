"""Terms on rays: zero at the truth, the right value and direction beside it, silent where nothing is known."""

import math
from collections.abc import Callable

import pytest
import torch

from o2recon.losses import ColorLoss, DepthLoss, EikonalLoss, FreeSpaceLoss, MaskLoss, NormalLoss, SdfLoss
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput

Make = Callable[..., RayBatch]
MakeOutput = Callable[..., RenderOutput]
TERMS = {
    "color": ColorLoss(),
    "mask": MaskLoss(clip=1e-3),
    "eikonal": EikonalLoss(),
    "depth": DepthLoss(max_error=0.2),
    "normal": NormalLoss(),
    "sdf": SdfLoss(truncation=0.1, truncation_behind=0.05, min_cosine=0.2),
    "free_space": FreeSpaceLoss(),
}
N = 6


@pytest.mark.parametrize("name", TERMS)
def test_the_truth_costs_nothing(name: str, make_rays: Make, make_output: MakeOutput) -> None:
    assert TERMS[name](make_output(), make_rays()) < 2e-3


@pytest.mark.parametrize("name", ["color", "mask", "depth", "normal", "sdf", "free_space"])
def test_a_term_is_silent_where_nothing_is_known(name: str, make_rays: Make, make_output: MakeOutput) -> None:
    nothing = torch.zeros(N)
    rays = make_rays(confidence=nothing, opacity_weight=nothing, free_distance=nothing)
    sdf = torch.randn(N, 40, requires_grad=True)
    wrong = torch.rand(N, 3, requires_grad=True)
    opacity = torch.rand(N, requires_grad=True)
    out = make_output(sdf=sdf, color=wrong, normal=wrong, opacity=opacity, ray_distance=opacity)
    value = TERMS[name](out, rays)
    assert value == 0
    value.backward()
    assert all(leaf.grad is None or not leaf.grad.any() for leaf in (sdf, wrong, opacity))


def test_colour_is_averaged_with_confidence(make_rays: Make, make_output: MakeOutput) -> None:
    confidence = torch.tensor([1.0, 0.25, 0, 0, 0, 0])
    color = torch.full((N, 3), 0.5)
    color[1] += 0.4
    color[2] += 0.5
    value = ColorLoss()(make_output(color=color), make_rays(confidence=confidence))
    torch.testing.assert_close(value, torch.tensor(0.4 * 0.25 / 1.25))


def test_mask_is_cross_entropy_and_bounded(make_rays: Make, make_output: MakeOutput) -> None:
    loss = MaskLoss(clip=1e-3)
    half = loss(make_output(opacity=torch.full((N,), 0.5)), make_rays())
    torch.testing.assert_close(half, torch.tensor(math.log(2)))
    worst = loss(make_output(opacity=torch.zeros(N)), make_rays())
    torch.testing.assert_close(worst, torch.tensor(-math.log(1e-3)))


def test_eikonal_counts_the_points_of_the_box(
    make_rays: Make, make_output: MakeOutput, make_points: Callable[..., FieldPoints]
) -> None:
    points = make_points(gradient=torch.zeros(19, 3))
    torch.testing.assert_close(EikonalLoss()(make_output(), make_rays(), points), torch.tensor(19 / 25))


def test_depth_is_quadratic_within_sigma_linear_beyond_and_bounded(make_rays: Make, make_output: MakeOutput) -> None:
    rays = make_rays()
    for error, expected in ((0.005, 0.005**2 / 0.02), (0.06, 0.055), (5.0, 0.2)):
        value = DepthLoss(max_error=0.2)(make_output(ray_distance=rays.surface_distance + error), rays)
        torch.testing.assert_close(value, torch.tensor(expected), rtol=1e-3, atol=1e-6)


def test_depth_pulls_towards_the_surface(make_rays: Make, make_output: MakeOutput) -> None:
    rays = make_rays()
    distance = (rays.surface_distance + 0.05).requires_grad_()
    DepthLoss(max_error=0.2)(make_output(ray_distance=distance), rays).backward()
    assert (distance.grad > 0).all()


def test_normal_is_the_angle(make_rays: Make, make_output: MakeOutput) -> None:
    for degrees in (0.0, 20.0, 180.0):
        angle = math.radians(degrees)
        turned = torch.tensor([math.sin(angle), 0.0, math.cos(angle)]).expand(N, 3).clone().requires_grad_()
        value = NormalLoss()(make_output(normal=3 * turned), make_rays())
        torch.testing.assert_close(value, torch.tensor(angle), atol=1e-3, rtol=0)
        value.backward()
        assert turned.grad.isfinite().all()


def test_sdf_is_the_distance_to_the_tangent_plane_at_any_angle(make_rays: Make, make_output: MakeOutput) -> None:
    loss = TERMS["sdf"]
    torch.testing.assert_close(loss(make_output(offset=0.03), make_rays()), torch.tensor(0.03))
    offset = torch.tensor(0.03, requires_grad=True)
    loss(make_output(offset=offset), make_rays()).backward()
    torch.testing.assert_close(offset.grad, torch.tensor(1.0))


def test_without_a_normal_the_ray_distance_is_only_a_bound(make_rays: Make, make_output: MakeOutput) -> None:
    rays = make_rays(normal=torch.zeros(N, 3))
    loss = SdfLoss(truncation=0.1, truncation_behind=0.05, min_cosine=0.2)
    out = make_output()
    small = make_output(sdf=out.sdf * 0.5)
    large = make_output(sdf=out.sdf * 3)
    assert loss(small, rays) == 0
    assert loss(large, rays) > 0.01


def test_solid_matter_in_seen_free_space_costs(make_rays: Make, make_output: MakeOutput) -> None:
    offset = torch.tensor(-0.5, requires_grad=True)
    value = FreeSpaceLoss()(make_output(offset=offset), make_rays())
    value.backward()
    assert value > 0.1 and offset.grad < 0


def test_an_sdf_beyond_the_seen_surface_costs(make_rays: Make, make_output: MakeOutput) -> None:
    offset = torch.tensor(0.5, requires_grad=True)
    FreeSpaceLoss()(make_output(offset=offset), make_rays()).backward()
    assert offset.grad > 0
    rays_past = make_rays(surface_distance=torch.zeros(N))
    assert FreeSpaceLoss()(make_output(offset=0.5), rays_past) == 0
