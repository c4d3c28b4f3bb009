"""One whole training step on every point: SDF, gradient, colour, losses, backward, optimiser; and ways to run it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from o2recon.field import HashGrid, Mlp


class Chain(nn.Module):
    """16 levels of 2 features, SDF network 32-64-16 with softplus, colour network 24-64-64-3."""

    def __init__(self, *, log2_rows: int, backend: str) -> None:
        super().__init__()
        self.grid = HashGrid(
            num_levels=16,
            num_features=2,
            min_resolution=16,
            max_resolution=2048,
            log2_rows=log2_rows,
            interpolation="smooth",
            initial_scale=1e-4,
            backend=backend,
        )
        self.sdf = Mlp(num_inputs=32, num_hidden=64, num_layers=1, num_outputs=16, beta=100.0)
        layers = [nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3), nn.Sigmoid()]
        self.color = nn.Sequential(*layers)


class Data:
    """Points of random rays through the unit cube, 128 a ray in order; what the losses compare with."""

    def __init__(self, num_points: int) -> None:
        generator = torch.Generator("cuda").manual_seed(0)
        start, end = torch.rand(2, num_points // 128, 1, 3, generator=generator, device="cuda")
        share = (torch.arange(128, device="cuda")[:, None] + 0.5) / 128
        self.points = (start + share * (end - start)).reshape(-1, 3).contiguous()
        directions = functional.normalize(end - start, dim=-1).expand(-1, 128, 3)
        self.directions = directions.reshape(-1, 3).contiguous()
        self.rgb = torch.rand(num_points, 3, generator=generator, device="cuda")
        self.sdf = self.points.sub(0.5).norm(dim=-1) - 0.3


def inputs_of_color(data: Data, out: Tensor, normals: Tensor) -> Tensor:
    return torch.cat([data.points, data.directions, normals, out[:, 1:]], -1)


def loss_of(data: Data, rgb: Tensor, out: Tensor, normals: Tensor) -> Tensor:
    eikonal = (torch.linalg.vector_norm(normals, dim=-1) - 1).square().mean()
    return (rgb - data.rgb).abs().mean() + (out[:, 0] - data.sdf).abs().mean() + 0.1 * eikonal


def _color_half(chain: Chain, data: Data, out: Tensor, normals: Tensor) -> Tensor:
    return loss_of(data, chain.color(inputs_of_color(data, out, normals)).float(), out.float(), normals)


def _linked(out: Tensor, normals: Tensor, data: Data) -> tuple[Tensor, Tensor]:
    """Inputs of the colour network and all losses but colour, so that their gradients meet in one kernel."""
    eikonal = (torch.linalg.vector_norm(normals, dim=-1) - 1).square().mean()
    return inputs_of_color(data, out, normals), (out[:, 0] - data.sdf).abs().mean() + 0.1 * eikonal


def _color_loss(rgb: Tensor, data: Data) -> Tensor:
    return (rgb - data.rgb).abs().mean()


def forward(chain: Chain, data: Data, *, networks: str, precision: str) -> Callable[[], Tensor]:
    """`networks`: eager, compile or triton; `precision`: ieee, tf32, tf32x3 or bf16, of triton also one per network.

    The returned function gives the loss.
    """
    compiled = torch.compile if networks != "eager" else (lambda f, **_: f)
    if networks == "triton":
        return _triton(chain, data, precision, compiled)
    chain.sdf._is_fused = lambda inputs: False  # type: ignore[method-assign]
    sdf_half = compiled(chain.sdf.with_gradient, dynamic=False)
    color_half = compiled(lambda out, normals: _color_half(chain, data, out, normals), dynamic=False)

    def loss() -> Tensor:
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
            encoded = chain.grid.encode(data.points)
            out, g = sdf_half(encoded.features)
            return color_half(out, encoded.contract(g))

    return loss


def fused_sdf(chain: Chain, features: Tensor, precision: str) -> tuple[Tensor, Tensor]:
    """Outputs and d(sdf)/d(features) by the Triton kernel at a precision of our choice."""
    from o2recon.field.triton_mlp import SdfNetwork

    hidden, output = chain.sdf.hidden[0], chain.sdf.output
    weights = (hidden.weight, hidden.bias, output.weight, output.bias)
    return SdfNetwork.apply(features, *weights, 100.0, True, precision)


def _triton(chain: Chain, data: Data, precision: str, compiled: Callable) -> Callable[[], Tensor]:
    from o2recon.field.triton_mlp import ColorNetwork

    linked = compiled(lambda out, normals: _linked(out, normals, data), dynamic=False)
    of_sdf, of_color = precision.split()[0], precision.split()[-1]
    color_loss = compiled(lambda rgb: _color_loss(rgb, data), dynamic=False)

    def loss() -> Tensor:
        encoded = chain.grid.encode(data.points)
        out, g = fused_sdf(chain, encoded.features, of_sdf)
        inputs, others = linked(out, encoded.contract(g))
        return color_loss(ColorNetwork.apply(inputs, *chain.color.parameters(), of_color)) + others

    return loss


def step(chain: Chain, loss: Callable[[], Tensor], *, optimise: bool) -> Callable[[], None]:
    """Forward, backward and, with `optimise`, fused Adam; fit for capture in a CUDA graph."""
    optimizer = torch.optim.Adam(chain.parameters(), lr=1e-3, eps=1e-15, fused=True, capturable=True)

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        if optimise:
            optimizer.step()

    return run
