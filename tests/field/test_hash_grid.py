"""Every backend against the float64 reference; levels, objects and refusals."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from o2recon.field import HashGrid

MakeGrid = Callable[..., HashGrid]


def all_outputs(
    grid: HashGrid, points: Tensor, objects: Tensor | None, g: Tensor, dy: Tensor, v: Tensor
) -> list[Tensor]:
    """Features, normals, and gradients of table and g for the output gradients dy and v."""
    dtype = grid.table.dtype
    g = g.to(dtype, copy=True).requires_grad_()
    encoded = grid.encode(points.to(dtype), objects)
    normals = encoded.contract(g)
    ((encoded.features * dy.to(dtype)).sum() + (normals * v.to(dtype)).sum()).backward()
    return [encoded.features.detach(), normals.detach(), grid.table.grad, g.grad]


@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
@pytest.mark.parametrize("num_features", [2, 4])
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_backends_match_the_double_precision_reference(
    make_grid: MakeGrid, backend: str, num_features: int, interpolation: str
) -> None:
    options = {"num_features": num_features, "interpolation": interpolation, "num_objects": 3}
    grid = make_grid(backend=backend, **options)
    reference = make_grid(backend="torch", **options).double()
    for each in (grid, reference):
        each.set_active_levels(3.3)
    points = torch.rand(4 * 517, 3) * 0.999 + 0.0005
    points[0], points[1], points[2] = 0.0, 1.0, torch.tensor([1.2, 0.5, -0.1])
    objects = torch.tensor([2, 0, 2, 0])
    rest = (
        torch.randn(len(points), 4 * num_features),
        torch.randn(len(points), 4 * num_features),
        torch.randn(len(points), 3),
    )
    found = all_outputs(grid, points, objects, *rest)
    expected = all_outputs(reference, points, objects, *rest)
    for a, b in zip(found, expected, strict=True):
        assert (a.double() - b).norm() <= 1e-5 * b.norm()


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_other_objects_get_exactly_zero_gradient(make_grid: MakeGrid, backend: str) -> None:
    grid = make_grid(backend=backend, num_objects=3)
    encoded = grid.encode(torch.rand(64, 3), torch.tensor([1, 1]))
    (encoded.features.sum() + encoded.contract(torch.ones(64, 8)).sum()).backward()
    per_object = grid.table.grad.view(3, -1).abs().sum(1)
    assert per_object[0] == 0 and per_object[2] == 0 and per_object[1] > 0


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_masked_levels_give_zero_features_and_zero_gradient(make_grid: MakeGrid, backend: str) -> None:
    grid = make_grid(backend=backend)
    grid.set_active_levels(1.5)
    assert grid.level_weights.tolist() == [1, 0.5, 0, 0]
    features = grid.features(torch.rand(40, 3))
    assert torch.equal(features[:, 4:], torch.zeros(40, 4))
    features.sum().backward()
    assert torch.equal(
        grid.table.grad[grid.layout.offsets[2] :], torch.zeros(grid.layout.total_rows - grid.layout.offsets[2], 2)
    )


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_features_alone_and_contraction_alone_can_be_differentiated(make_grid: MakeGrid, backend: str) -> None:
    grid = make_grid(backend=backend)
    points = torch.rand(30, 3)
    (of_features,) = torch.autograd.grad(grid.features(points).sum(), grid.table)
    (of_normals,) = torch.autograd.grad(grid.encode(points).contract(torch.ones(30, 8)).sum(), grid.table)
    encoded = grid.encode(points)
    (of_both,) = torch.autograd.grad(encoded.features.sum() + encoded.contract(torch.ones(30, 8)).sum(), grid.table)
    torch.testing.assert_close(of_features + of_normals, of_both, rtol=1e-4, atol=1e-4)


def test_points_that_require_a_gradient_are_differentiated_exactly(make_grid: MakeGrid) -> None:
    grid = make_grid(backend="auto")
    points = torch.rand(20, 3, requires_grad=True)
    g = torch.randn(20, 8)
    encoded = grid.encode(points)
    (expected,) = torch.autograd.grad((encoded.features * g).sum(), points, create_graph=True)
    torch.testing.assert_close(encoded.contract(g), expected, rtol=1e-4, atol=1e-4)
    (second,) = torch.autograd.grad(expected.square().sum(), points)
    assert second.abs().sum() > 0


def test_nan_points_give_nan_features_and_no_crash(make_grid: MakeGrid) -> None:
    grid = make_grid(backend="numba")
    assert grid.features(torch.full((5, 3), torch.nan)).isnan().all()


def test_no_points_give_no_features(make_grid: MakeGrid) -> None:
    for backend in ("numba", "torch"):
        assert make_grid(backend=backend).encode(torch.zeros(0, 3)).features.shape == (0, 8)


def test_the_number_of_threads_does_not_change_the_gradient(make_grid: MakeGrid) -> None:
    threads = torch.get_num_threads()
    points, results = torch.rand(5000, 3), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            grid = make_grid(backend="numba")
            encoded = grid.encode(points)
            (encoded.features.square().sum() + encoded.contract(torch.ones(5000, 8)).square().sum()).backward()
            results.append(grid.table.grad)
    finally:
        torch.set_num_threads(threads)
    assert torch.allclose(results[0], results[1], rtol=1e-5)


@pytest.mark.parametrize(
    "change", [{"interpolation": "cubic"}, {"backend": "cuda"}, {"backend": "numba", "num_features": 3}]
)
def test_unknown_options_are_refused(make_grid: MakeGrid, change: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|even number"):
        make_grid(**change)


def test_unequal_blocks_of_objects_are_refused(make_grid: MakeGrid) -> None:
    with pytest.raises(ValueError, match="equal blocks"):
        make_grid(num_objects=2).features(torch.rand(5, 3), torch.tensor([0, 1]))
