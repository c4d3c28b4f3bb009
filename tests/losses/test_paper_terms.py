"""The paper's terms: zero at the truth, their formula beside it, silent where nothing is known."""

from collections.abc import Callable

import pytest
import torch

from o2recon.losses import (
    AbsoluteDepthLoss,
    MeasuredNormalLoss,
    NormalLoss,
    Ramped,
    RaySdfLoss,
    SensorFreeSpaceLoss,
    SphereEikonalLoss,
)
from o2recon.tensors import RayBatch, RenderOutput

Make = Callable[..., RayBatch]
MakeOutput = Callable[..., RenderOutput]
N, SAMPLES = 6, 40
TERMS = {
    "depth": AbsoluteDepthLoss(),
    "normal": MeasuredNormalLoss(),
    "free_space": SensorFreeSpaceLoss(truncation=0.16),
}


@pytest.mark.parametrize("name", TERMS)
def test_the_truth_costs_nothing(name: str, make_rays: Make, make_output: MakeOutput) -> None:
    assert TERMS[name](make_output(), make_rays()) < 2e-3


def test_the_sdf_term_is_right_squarely_and_too_large_at_an_angle(make_rays: Make, make_output: MakeOutput) -> None:
    """Why ours is another one: d - t is the distance to the wall only along its normal."""
    out, rays = make_output(), make_rays()
    squarely = torch.tensor([1.0, 0, 0, 0, 0, 0])
    assert RaySdfLoss(truncation=0.16)(out, make_rays(confidence=squarely)) < 1e-5
    ahead = rays.surface_distance[:, None] - out.t
    near = ahead.abs() < 0.16
    expected = ((out.sdf - ahead).abs() * near).sum() / near.sum()
    torch.testing.assert_close(RaySdfLoss(truncation=0.16)(out, rays), expected)
    assert expected > 1e-3


@pytest.mark.parametrize("name", [*TERMS, "sdf"])
def test_a_term_is_silent_without_measured_depth(name: str, make_rays: Make, make_output: MakeOutput) -> None:
    term = (TERMS | {"sdf": RaySdfLoss(truncation=0.16)})[name]
    out = make_output(sdf=torch.randn(N, SAMPLES), normal=torch.rand(N, 3), ray_distance=torch.rand(N))
    assert term(out, make_rays(surface_distance=torch.zeros(N))) == 0
    assert term(out, make_rays()) > 0


def test_depth_is_the_plain_mean_error(make_rays: Make, make_output: MakeOutput) -> None:
    rays = make_rays()
    out = make_output(ray_distance=rays.surface_distance + 0.3, opacity=torch.full((N,), 0.1))
    torch.testing.assert_close(AbsoluteDepthLoss()(out, rays), torch.tensor(0.3))


def test_free_space_speaks_only_beyond_the_truncation(make_rays: Make, make_output: MakeOutput) -> None:
    rays, out = make_rays(), make_output(sdf=torch.full((N, SAMPLES), -0.1))
    ahead = rays.surface_distance[:, None] - out.t
    expected = torch.expm1(torch.tensor(0.5))
    torch.testing.assert_close(SensorFreeSpaceLoss(truncation=0.16)(out, rays), expected)
    inside = make_output(sdf=torch.where(ahead > 0.16, ahead, torch.full_like(ahead, -1.0)))
    assert SensorFreeSpaceLoss(truncation=0.16)(inside, rays) == 0


def test_eikonal_looks_at_samples_within_its_radius(make_rays: Make, make_output: MakeOutput) -> None:
    out, rays = make_output(), make_rays()
    at = rays.origins[:, None] + out.t[..., None] * rays.directions[:, None]
    far = (at.norm(dim=-1) > 1.2).flatten()
    assert far.any() and not far.all()
    gradient = torch.zeros(N * SAMPLES, 3)
    gradient[:, 2] = torch.where(far, 5.0, 1.0)
    assert SphereEikonalLoss(radius=1.2)(make_output(gradient=gradient), rays) == 0
    gradient[:, 2] = torch.where(far, 1.0, 3.0)
    torch.testing.assert_close(SphereEikonalLoss(radius=1.2)(make_output(gradient=gradient), rays), torch.tensor(4.0))
    with pytest.raises(ValueError, match="render=paper"):
        SphereEikonalLoss(radius=1.2)(out, rays)


def test_the_normal_term_does_not_ask_for_opacity(make_rays: Make, make_output: MakeOutput) -> None:
    out = make_output(normal=torch.tensor([1.0, 0.0, 0.0]).expand(N, 3), opacity=torch.zeros(N))
    torch.testing.assert_close(MeasuredNormalLoss()(out, make_rays()), torch.tensor(torch.pi / 2))
    assert NormalLoss()(out, make_rays()) == 0


def test_a_ramped_term_grows_to_its_full_value(make_rays: Make, make_output: MakeOutput) -> None:
    rays = make_rays()
    out, term = make_output(ray_distance=rays.surface_distance + 0.3), Ramped(loss=AbsoluteDepthLoss(), num_steps=200)
    torch.testing.assert_close(term(out, rays), torch.tensor(0.3))
    for step, share in ((0, 0.0), (50, 0.25), (200, 1.0), (900, 1.0)):
        term.set_step(step)
        torch.testing.assert_close(term(out, rays), torch.tensor(0.3 * share))
