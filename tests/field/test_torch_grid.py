"""The reference grid: derivatives of both orders against finite differences, values against a closed form."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from o2recon.field import torch_grid
from o2recon.field.layout import grid_layout

LAYOUT = grid_layout(num_levels=2, min_resolution=2, max_resolution=7, log2_rows=5)


def inputs(interpolation: str) -> tuple:
    torch.manual_seed(1)
    points = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    table = torch.randn(LAYOUT.total_rows, 2, dtype=torch.float64, requires_grad=True)
    g = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 0.4], dtype=torch.float64)

    def both(points, table, g):  # type: ignore[no-untyped-def]
        encoded = torch_grid.encode(points, table, weights, None, LAYOUT, smooth=interpolation == "smooth")
        return encoded.features, encoded.contract(g)

    return both, (points, table, g)


@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
def test_first_derivatives_match_finite_differences(interpolation: str) -> None:
    assert gradcheck(*inputs(interpolation))


@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
def test_second_derivatives_match_finite_differences(interpolation: str) -> None:
    assert gradgradcheck(*inputs(interpolation), fast_mode=True)


@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
def test_contraction_is_the_gradient_through_the_features(interpolation: str) -> None:
    both, (points, table, g) = inputs(interpolation)
    features, normals = both(points, table, g)
    (expected,) = torch.autograd.grad((features * g).sum(), points)
    torch.testing.assert_close(normals, expected)


def test_a_linear_function_on_dense_vertices_is_reproduced() -> None:
    layout = grid_layout(num_levels=1, min_resolution=4, max_resolution=4, log2_rows=8)
    z, y, x = torch.meshgrid(*[torch.arange(5.0, dtype=torch.float64) / 4] * 3, indexing="ij")
    table = (x + 2 * y - 3 * z).reshape(-1, 1)
    points = torch.rand(50, 3, dtype=torch.float64)
    points[0], points[1] = 0.0, 1.0
    encoded = torch_grid.encode(points, table, torch.ones(1, dtype=torch.float64), None, layout, smooth=False)
    slope = torch.tensor([1.0, 2.0, -3.0], dtype=torch.float64)
    torch.testing.assert_close(encoded.features[:, 0], points @ slope)
    torch.testing.assert_close(encoded.contract(torch.ones(50, 1, dtype=torch.float64)), slope.expand(50, 3))


def test_levels_are_dense_exactly_when_their_vertices_fit() -> None:
    layout = grid_layout(num_levels=2, min_resolution=7, max_resolution=8, log2_rows=9)
    assert layout.dense == (True, False)
    assert layout.rows == (512, 512)


@pytest.mark.parametrize("change", [{"num_levels": 0}, {"min_resolution": 9}, {"log2_rows": 30}])
def test_impossible_layouts_are_refused(change: dict) -> None:
    options = {"num_levels": 2, "min_resolution": 2, "max_resolution": 8, "log2_rows": 9}
    with pytest.raises(ValueError, match=r"grid of|log2_rows"):
        grid_layout(**(options | change))
