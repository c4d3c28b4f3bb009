"""Terms on points of the box: zero at the truth, right beside it, silent where the surface was seen."""

import math
from collections.abc import Callable

import pytest
import torch

from o2recon.losses import HullLoss, PriorLoss, ResidualLoss, SurfaceAreaLoss
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput

MakePoints = Callable[..., FieldPoints]


@pytest.fixture
def rendered(make_output: Callable[..., RenderOutput], make_rays: Callable[..., RayBatch]) -> tuple:
    return make_output(), make_rays()


@pytest.mark.parametrize("loss", [HullLoss(), PriorLoss(truncation=0.1), ResidualLoss()])
def test_the_truth_costs_nothing(loss: HullLoss, rendered: tuple, make_points: MakePoints) -> None:
    assert loss(*rendered, make_points()) == 0
    assert loss(*rendered, None) == 0


def test_matter_outside_the_permitted_volume_is_pushed_in(rendered: tuple, make_points: MakePoints) -> None:
    points = make_points()
    sdf = (points.sdf - 0.2).requires_grad_()
    value = HullLoss()(*rendered, make_points(sdf=sdf))
    value.backward()
    torch.testing.assert_close(value, torch.tensor(0.1))
    outside = points.hull_distance > 0
    assert (sdf.grad[outside] < 0).all() and not sdf.grad[~outside].any()


def test_residual_is_paid_only_without_evidence(rendered: tuple, make_points: MakePoints) -> None:
    evidence = (torch.arange(19) < 10).float()
    residual = torch.where(evidence > 0, 5.0, -0.03)
    value = ResidualLoss()(*rendered, make_points(residual=residual, evidence=evidence))
    torch.testing.assert_close(value, torch.tensor(0.03))


def test_prior_is_compared_near_the_surface_only(rendered: tuple, make_points: MakePoints) -> None:
    points = make_points()
    far = points.sdf.abs() > 0.11
    moved = torch.where(far, points.sdf * 1.5, points.sdf)
    assert PriorLoss(truncation=0.1)(*rendered, make_points(sdf=moved)) < 1e-6
    value = PriorLoss(truncation=10.0)(*rendered, make_points(sdf=points.sdf + 0.04))
    torch.testing.assert_close(value, torch.tensor(0.04))


def test_surface_area_of_a_sphere(rendered: tuple) -> None:
    generator = torch.Generator().manual_seed(0)
    points = 2 * torch.rand(400_000, 3, generator=generator) - 1
    radius = torch.tensor(0.6, requires_grad=True)
    zeros = torch.zeros(len(points))
    sphere = FieldPoints(
        points=points,
        sdf=points.norm(dim=-1) - radius,
        gradient=torch.nn.functional.normalize(points, dim=-1),
        residual=zeros,
        evidence=zeros,
        prior_sdf=zeros,
        hull_distance=zeros,
    )
    area = 8 * SurfaceAreaLoss(width=0.01)(*rendered, sphere)
    assert abs(area - 4 * math.pi * 0.36) < 0.15
    area.backward()
    assert radius.grad > 0
