"""The fused networks on a GPU against float64 on the CPU."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from o2recon.field import Cascade, Mlp
from o2recon.field.color import ColorNetwork

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def cuda() -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    torch.manual_seed(0)


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found.cpu().double() - expected).norm() / expected.norm())


def gradients(module: torch.nn.Module, inputs: Tensor, total: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(total, [inputs, *module.parameters()]))


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("sizes", [(32, 64, 16), (12, 32, 14), (8, 16, 1)])
@pytest.mark.parametrize("num_points", [1, 1000, 70001])
def test_sdf_network(num_points: int, sizes: tuple[int, int, int], gradient: bool) -> None:
    exact = Mlp(num_inputs=sizes[0], num_hidden=sizes[1], num_layers=1, num_outputs=sizes[2], beta=100.0)
    fused = Mlp(num_inputs=sizes[0], num_hidden=sizes[1], num_layers=1, num_outputs=sizes[2], beta=100.0)
    fused.load_state_dict(exact.state_dict())
    inputs, dout, dg = (torch.randn(num_points, n) * 0.3 for n in (sizes[0], sizes[2], sizes[0]))
    results = []
    for module, put in ((fused.cuda(), lambda t: t.cuda()), (exact.double(), lambda t: t.double())):
        moving = put(inputs.clone()).requires_grad_()
        assert module._is_fused(moving) == moving.is_cuda
        out, g = module.with_gradient(moving) if gradient else (module(moving), None)
        total = (out * put(dout)).sum() + (0 if g is None else (g * put(dg)).sum())
        results.append([out, *([] if g is None else [g]), *gradients(module, moving, total)])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found.detach(), expected.detach()) < 1e-5


@pytest.mark.parametrize("num_points", [1, 1000, 70001])
def test_color_network(num_points: int) -> None:
    exact = ColorNetwork(num_inputs=22, num_hidden=32, num_layers=2).double()
    fused = ColorNetwork(num_inputs=22, num_hidden=32, num_layers=2).cuda()
    fused.load_state_dict(exact.state_dict())
    inputs, dout = torch.randn(num_points, 22), torch.randn(num_points, 3)
    results = []
    for module, put in ((fused, lambda t: t.cuda()), (exact, lambda t: t.double())):
        moving = put(inputs.clone()).requires_grad_()
        out = module(moving)
        results.append([out, *gradients(module, moving, (out * put(dout)).sum())])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found.detach(), expected.detach()) < 2e-3  # a ReLU may fall on the other side of zero


def test_cascade(make_cascade: Callable[..., Cascade]) -> None:
    exact, fused = (make_cascade(awake=True, backend=backend) for backend in ("torch", "auto"))
    fused.load_state_dict(exact.state_dict())
    points = torch.rand(999, 3) * 1.6 - 0.8
    results = []
    for cascade, at in ((fused.cuda(), points.cuda()), (exact.double(), points.double())):
        out = cascade.sdf_and_gradient(at)
        rgb = cascade.color(at, at, out.gradient, out.feature)
        total = (out.gradient.norm(dim=-1) - 1).square().sum() + rgb.sum() + cascade.sdf(at).sum()
        parameters = [cascade.fine_encoding.table, cascade.coarse_encoding.table, cascade.fine.output.weight]
        results.append([out.sdf, out.gradient, rgb, *torch.autograd.grad(total, parameters)])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found.detach(), expected.detach()) < 1e-4
