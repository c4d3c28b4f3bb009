"""The Triton grid against the float64 reference: on a GPU, and small cases in Triton's interpreter on the CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from o2recon.field import torch_grid
from o2recon.field.layout import GridLayout, grid_layout

LEVELS = torch.tensor([1, 1, 1, 0.3, 0, 1])
"""Faded in, in part and out, in no order."""


def worst_error(
    device: str, *, num_points: int, num_features: int, smooth: bool, half: bool, max_resolution: int, log2_rows: int
) -> float:
    """Largest relative L2 error of features, normals and gradients; three objects, the second one never asked for."""
    from o2recon.field import triton_grid

    torch.manual_seed(0)
    layout = grid_layout(num_levels=6, min_resolution=3, max_resolution=max_resolution, log2_rows=log2_rows)
    table = torch.rand(3 * layout.total_rows, num_features) * 2 - 1
    table = table.half().float() if half else table
    points = torch.rand(4 * num_points, 3)
    points[0], points[1], points[2], points[3] = 0.0, 1.0, torch.tensor([1.2, 0.5, -0.1]), torch.tensor([0, 0.5, 1.0])
    g, dy = torch.randn(2, 4 * num_points, 6 * num_features)
    v = torch.randn(4 * num_points, 3)

    def outputs(module, dtype, **options):  # type: ignore[no-untyped-def]
        def put(x: Tensor) -> Tensor:
            return x.to(device, dtype, copy=True)

        own, own_g, objects = put(table).requires_grad_(), put(g).requires_grad_(), torch.tensor([2, 0, 2, 0])
        arguments = (put(points), own, put(LEVELS), objects.to(device), layout)
        encoded = module.encode(*arguments, smooth=smooth, **options)
        normals = encoded.contract(own_g)
        ((encoded.features * put(dy)).sum() + (normals * put(v)).sum()).backward()
        return [encoded.features.detach(), normals.detach(), own.grad, own_g.grad]

    found = outputs(triton_grid, torch.float32, rows=table.half().to(device) if half else None)
    expected = outputs(torch_grid, torch.float64)
    assert not found[2].view(3, -1)[1].any(), "an object that was not asked for has a gradient"
    assert not found[2].view(3, layout.total_rows, -1)[:, layout.offsets[4] : layout.offsets[5]].any()
    return max(float((a.double() - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True))


INTERPRETED = """
import sys
import o2recon.field
assert "triton" not in sys.modules, "a machine without a GPU needs no Triton"
sys.path.insert(0, sys.argv[1])
from test_triton_grid import worst_error
sizes = {"num_points": 31, "max_resolution": 60, "log2_rows": 9}
assert worst_error("cpu", num_features=2, smooth=True, half=False, **sizes) < 1e-5
assert worst_error("cpu", num_features=4, smooth=False, half=True, **sizes) < 1e-5
"""


def test_interpreted_kernels_match_the_double_precision_reference() -> None:
    pytest.importorskip("triton")
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-W", "ignore", "-c", INTERPRETED, str(Path(__file__).parent)]
    subprocess.run(command, check=True, env=environment, timeout=120)


def test_scatter_becomes_vector_atomics_on_hopper() -> None:
    pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from o2recon.field.triton_kernels import scatter

    flags = {"PAIRS": 1, "OBJECTS": True, "SMOOTH": True, "FIRST": True, "SECOND": True, "BLOCK": 128}
    floats = dict.fromkeys(("points", "weights", "dtable", "dy", "v", "g"), "*fp32")
    types = floats | {"levels": "*i32", "objects": "*i32"} | dict.fromkeys(flags, "constexpr")
    names = scatter.arg_names
    aligned = {(names.index(name),): [["tt.divisibility", 16]] for name in floats}
    source = ASTSource(
        scatter,
        {name: types.get(name, "i32") for name in names},
        {(names.index(k),): v for k, v in flags.items()},
        aligned,
    )
    ptx = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4}).asm["ptx"]
    counts = [ptx.count(f"add.{width}f32") for width in ("v4.", "v2.", "")]
    assert counts == [4, 8, 0], "two neighbouring rows at once, single rows of two features, single features"


@pytest.mark.gpu
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("num_features", [2, 4])
@pytest.mark.parametrize("num_points", [1, 517, 5000])
def test_kernels_match_the_double_precision_reference(
    num_points: int, num_features: int, smooth: bool, half: bool
) -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    sizes = {"num_points": num_points, "max_resolution": 2048, "log2_rows": 17}
    assert worst_error("cuda", num_features=num_features, smooth=smooth, half=half, **sizes) <= 1e-5


@pytest.mark.gpu
def test_features_alone_and_contraction_alone_can_be_differentiated_on_a_gpu() -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    from o2recon.field import triton_grid

    layout: GridLayout = grid_layout(num_levels=4, min_resolution=3, max_resolution=24, log2_rows=9)
    table = torch.rand(layout.total_rows, 2, device="cuda").requires_grad_()
    points, weights = torch.rand(300, 3, device="cuda"), torch.ones(4, device="cuda")

    def encoded():  # type: ignore[no-untyped-def]
        return triton_grid.encode(points, table, weights, None, layout, smooth=True)

    g = torch.ones(1, device="cuda").expand(300, 8)
    (of_features,) = torch.autograd.grad(encoded().features.sum(), table)
    (of_normals,) = torch.autograd.grad(encoded().contract(g).square().sum(), table)
    both = encoded()
    (of_both,) = torch.autograd.grad(both.features.sum() + both.contract(g).square().sum(), table)
    assert (of_features + of_normals - of_both).norm() <= 1e-5 * of_both.norm()
    empty = triton_grid.encode(points[:0], table, weights, None, layout, smooth=True)
    assert empty.features.shape == (0, 8) and empty.contract(torch.zeros(0, 8, device="cuda")).shape == (0, 3)
    bad = triton_grid.encode(points * torch.nan, table, weights, None, layout, smooth=True)
    assert bad.features.isnan().all()
