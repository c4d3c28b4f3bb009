"""The paper's cascade: exact gradients through both networks, a sphere at first, a silent second network."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from o2recon.field import CoordinateCascade, Fourier, SkipMlp


def cascade_of(parts: str = "both", *, awake: bool = False, hidden: int = 48, beta: float = 20.0) -> CoordinateCascade:
    """`awake`: every layer has values, and both networks are on."""
    torch.manual_seed(0)
    field = CoordinateCascade(
        coarse_encoding=Fourier(num_octaves=3, fundamental=1.0),
        fine_encoding=Fourier(num_octaves=6, fundamental=1.0),
        direction_encoding=Fourier(num_octaves=4, fundamental=1.0),
        num_hidden=hidden,
        num_coarse_layers=4,
        coarse_skip_layer=3,
        num_fine_layers=2,
        num_color_layers=2,
        num_feature_channels=5,
        softplus_beta=beta,
        initial_radius=0.5,
        initial_sharpness=0.3,
        parts=parts,
    )
    if awake:
        for p in (*field.coarse.parameters(), *field.fine.parameters()):
            torch.nn.init.normal_(p, std=0.4)
        field.set_progress(1.0, 1.0)
        field.gate.fill_(0.7)
    return field.double()


def points_of(count: int = 40) -> Tensor:
    return torch.rand(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


@pytest.mark.parametrize("parts", ["both", "coarse", "fine"])
def test_gradient_equals_autograd_to_the_second_order(parts: str) -> None:
    field, points = cascade_of(parts, awake=True), points_of()
    field.set_progress(1.0, 1.0)
    out, moving = field.sdf_and_gradient(points), points.clone().requires_grad_()
    torch.testing.assert_close(out.sdf, field.sdf(points))
    (expected,) = torch.autograd.grad(field.sdf(moving).sum(), moving, create_graph=True)
    torch.testing.assert_close(out.gradient, expected)
    assert out.gradient is not None and expected.norm(dim=-1).min() > 1e-3
    parameters = [*field.coarse.parameters(), *field.fine.parameters()]
    found, wanted = (
        torch.autograd.grad((g.norm(dim=-1) - 1).square().sum(), parameters, allow_unused=True)
        for g in (out.gradient, expected)
    )
    for a, b in zip(found, wanted, strict=True):
        assert (a is None or not a.any()) if b is None else a is not None
        if a is not None and b is not None:
            torch.testing.assert_close(a, b)


def test_it_starts_near_a_sphere_and_every_part_does() -> None:
    directions = torch.nn.functional.normalize(points_of(200), dim=-1)
    for parts in ("both", "coarse", "fine"):
        field = cascade_of(parts, hidden=256, beta=100.0)
        inside, outside = field.sdf(directions * 0.2), field.sdf(directions * 0.9)
        assert (inside < 0).all() and (outside > 0).all(), parts
        slope = field.sdf_and_gradient(directions * 0.6).gradient
        assert slope is not None and (slope * directions).sum(-1).mean() > 0.7


def test_the_second_stage_goes_on_where_the_first_one_stopped() -> None:
    field, points = cascade_of(), points_of()
    before, feature = field.sdf(points), field.sdf_and_gradient(points).feature
    field.set_progress(1.0, 1.0)
    out = field.sdf_and_gradient(points)
    torch.testing.assert_close(out.sdf, before)
    assert not out.residual.any()
    assert not torch.equal(out.feature, feature), "features add up from the first step on"
    out.sdf.sum().backward()
    moved = [p.grad is not None and bool(p.grad.any()) for p in field.fine.parameters()]
    assert any(moved), "the silent network can learn"


def test_the_fine_network_has_no_share_and_no_gradient_in_the_first_stage() -> None:
    field = cascade_of(awake=True)
    field.set_progress(0.5, 0.0)
    out = field.sdf_and_gradient(points_of())
    assert not out.residual.any()
    out.sdf.sum().backward()
    assert all(p.grad is None for p in field.fine.parameters())


def test_the_direction_is_off_in_the_first_stage_only() -> None:
    field, (one, other) = cascade_of(awake=True), torch.randn(2, 8, 3, dtype=torch.float64)
    points, feature = points_of(8), torch.rand(8, 5, dtype=torch.float64)
    field.set_progress(0.9, 0.0)
    assert torch.equal(field.color(points, one, one, feature), field.color(points, other, one, feature))
    assert torch.equal(field.color(points, one, one, feature), field.color(points, None, one, feature))
    field.set_progress(1.0, 1.0)
    assert not torch.equal(field.color(points, one, one, feature), field.color(points, other, one, feature))


def test_a_saved_field_comes_back_as_it_was(tmp_path: Path) -> None:
    field = cascade_of(awake=True)
    torch.save(field.state_dict(), tmp_path / "field.pt")
    other = cascade_of()
    other.load_state_dict(torch.load(tmp_path / "field.pt", weights_only=True))
    assert torch.equal(field.sdf(points_of()), other.sdf(points_of()))


def test_every_parameter_is_in_exactly_one_group() -> None:
    field = cascade_of()
    grouped = [id(p) for group in field.parameter_groups().values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in field.parameters())


def test_weights_are_normalised_row_by_row() -> None:
    field = cascade_of()
    before = field.coarse.layers[0].weight.clone()
    with torch.no_grad():
        field.coarse.layers[0].parametrizations.weight.original1.mul_(3)  # type: ignore[union-attr, operator]
    torch.testing.assert_close(field.coarse.layers[0].weight, before)


def test_inputs_that_do_not_fit_beside_the_hidden_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fewer than field\.num_hidden=16"):
        SkipMlp(num_inputs=21, num_hidden=16, num_layers=4, num_outputs=3, skip_layer=3, beta=100.0, initial_radius=0.5)
    with pytest.raises(ValueError, match=r"field\.parts=all"):
        cascade_of("all")
