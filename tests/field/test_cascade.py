"""The cascade: starts as a sphere, exact gradient, fine share silent until it is switched on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from o2recon.field import Cascade

MakeCascade = Callable[..., Cascade]


def test_it_starts_as_a_sphere(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=False)
    directions = torch.nn.functional.normalize(torch.randn(100, 3), dim=-1)
    surface = directions * (0.5**2 - 0.01) ** 0.5
    assert cascade.sdf(surface).abs().max() < 1e-5
    assert (cascade.sdf(surface * 1.1) > 0).all() and (cascade.sdf(surface * 0.9) < 0).all()
    gradient = cascade.sdf_and_gradient(directions * 0.9).gradient
    torch.testing.assert_close(torch.nn.functional.normalize(gradient, dim=-1), directions, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_gradient_equals_autograd(make_cascade: MakeCascade, backend: str) -> None:
    cascade = make_cascade(awake=True, backend=backend)
    points = torch.rand(200, 3) * 1.6 - 0.8
    out = cascade.sdf_and_gradient(points)
    moving = points.clone().requires_grad_()
    (expected,) = torch.autograd.grad(cascade.sdf(moving).sum(), moving)
    torch.testing.assert_close(out.gradient, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(out.sdf, cascade.sdf(points))


def test_parameter_gradients_of_an_eikonal_term_equal_double_backward(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=True, backend="numba")
    points = torch.rand(100, 3) * 1.6 - 0.8
    moving = points.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(cascade.sdf(moving).sum(), moving, create_graph=True)
    parameters = [*cascade.coarse.parameters(), *cascade.fine.parameters(), cascade.fine_encoding.table]
    losses = ((cascade.sdf_and_gradient(points).gradient.norm(dim=-1) - 1).square().sum(),
              (by_autograd.norm(dim=-1) - 1).square().sum())  # fmt: skip
    a, b = (torch.autograd.grad(loss, parameters, allow_unused=True) for loss in losses)
    for x, y in zip(a, b, strict=True):
        x, y = (torch.zeros(1) if t is None else t for t in (x, y))
        assert (x - y).norm() <= 1e-4 * y.norm() + 1e-6


def test_fine_residual_starts_at_exactly_zero(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=False)
    points = torch.rand(50, 3) * 2 - 1
    coarse = cascade.sdf(points)
    cascade.set_progress(1.0, 4.0)
    out = cascade.sdf_and_gradient(points)
    assert torch.equal(out.residual, torch.zeros(50))
    assert torch.equal(out.sdf, coarse)


def test_no_fine_share_in_the_coarse_stage(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=True)
    cascade.set_progress(0.5, 0.0)
    points = torch.rand(50, 3) * 2 - 1
    out = cascade.sdf_and_gradient(points)
    assert torch.equal(out.residual, torch.zeros(50))
    out.sdf.sum().backward()
    assert cascade.fine_encoding.table.grad is None


def test_progress_masks_levels(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=True)
    cascade.set_progress(1.0, 2.25)
    assert cascade.fine_encoding.level_weights.tolist() == [1, 1, 0.25, 0]
    assert cascade.coarse_encoding.level_weights.tolist() == [1, 1]


def test_direction_has_no_effect_in_the_coarse_stage(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=True)
    points, feature = torch.rand(8, 3), torch.rand(8, 5)
    one, other = torch.randn(2, 8, 3)
    cascade.set_progress(0.9, 0.0)
    assert torch.equal(cascade.color(points, one, one, feature), cascade.color(points, other, one, feature))
    assert torch.equal(cascade.color(points, one, one, feature), cascade.color(points, None, one, feature))
    cascade.set_progress(1.0, 1.0)
    assert not torch.equal(cascade.color(points, one, one, feature), cascade.color(points, other, one, feature))


def test_sharpness_is_learnt_above_its_floor(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=False)
    torch.testing.assert_close(cascade.inv_s, torch.tensor(3.0).exp())
    cascade.set_inv_s_floor(100.0)
    assert cascade.inv_s == 100


def test_a_saved_cascade_comes_back_as_it_was(make_cascade: MakeCascade, tmp_path: Path) -> None:
    cascade = make_cascade(awake=True)
    cascade.set_progress(1.0, 2.5)
    torch.save(cascade.state_dict(), tmp_path / "field.pt")
    other = make_cascade(awake=False)
    other.load_state_dict(torch.load(tmp_path / "field.pt", weights_only=True))
    points = torch.rand(20, 3)
    assert torch.equal(cascade.sdf(points), other.sdf(points))


def test_every_parameter_is_in_exactly_one_group(make_cascade: MakeCascade) -> None:
    cascade = make_cascade(awake=False)
    grouped = [id(p) for group in cascade.parameter_groups().values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in cascade.parameters())


def test_parts_leave_one_field_out(make_cascade: MakeCascade) -> None:
    points = torch.rand(50, 3) * 1.6 - 0.8
    both, coarse, fine = make_cascade(awake=True), make_cascade(awake=True), make_cascade(awake=True)
    coarse.parts, fine.parts = "coarse", "fine"
    coarse.set_progress(1.0, 4.0), fine.set_progress(0.0, 0.0)
    base = points.square().sum(-1).add(0.01).sqrt() - 0.5
    torch.testing.assert_close(coarse.sdf(points) + fine.sdf(points), both.sdf(points) + base)
    for field in (coarse, fine):
        out = field.sdf_and_gradient(points)
        torch.testing.assert_close(out.sdf, field.sdf(points))
        assert not out.residual.any(), "nothing is added to another field"
        moving = points.clone().requires_grad_()
        (expected,) = torch.autograd.grad(field.sdf(moving).sum(), moving)
        torch.testing.assert_close(out.gradient, expected, rtol=1e-3, atol=1e-4)
