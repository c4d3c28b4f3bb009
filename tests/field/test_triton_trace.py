"""A search in one kernel against the same search in float64: on a GPU, and a small case in Triton's interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from o2recon.field import Cascade, HashGrid

GRID = {"num_features": 2, "log2_rows": 12, "initial_scale": 0.1}
WAY = {"num_steps": 10, "step_share": 0.95, "min_step": 0.01}


def awake_field(*, interpolation: str, fine_levels: float, backend: str) -> Cascade:
    """Dense and hashed levels, the last one faded in by half; no network is zero."""
    torch.manual_seed(0)
    field = Cascade(
        coarse_encoding=HashGrid(
            num_levels=2, min_resolution=3, max_resolution=6, interpolation="smooth", backend=backend, **GRID
        ),
        fine_encoding=HashGrid(
            num_levels=4, min_resolution=8, max_resolution=64, interpolation=interpolation, backend=backend, **GRID
        ),
        num_hidden=24,
        num_coarse_layers=1,
        num_fine_layers=1,
        num_color_layers=1,
        num_feature_channels=3,
        softplus_beta=100.0,
        initial_radius=0.5,
        initial_sharpness=0.3,
    )
    for network in (field.coarse, field.fine):
        torch.nn.init.normal_(network.output.weight, std=0.05)
    field.set_progress(1.0, fine_levels)
    return field


def rays_at(num_rays: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    origins = functional.normalize(torch.randn(num_rays, 3), dim=-1) * 1.4
    directions = functional.normalize((torch.rand(num_rays, 3) - 0.5) * 1.2 - origins, dim=-1)
    return origins, directions, 0.3 * torch.rand(num_rays), 2 + 0.5 * torch.rand(num_rays)


def expected(field: Cascade, origins: Tensor, directions: Tensor, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """Ray by ray as the docstring of SurfaceSearch says it, in the precision given."""
    t, values, found = near, field.sdf(origins + near[:, None] * directions), near
    best, before = values, values
    for _ in range(WAY["num_steps"] - 1):
        before, last = values, t
        further = t + (WAY["step_share"] * values).clamp(min=WAY["min_step"])
        t = torch.where((values > 0) & (further < far), further, t)
        values = field.sdf(origins + t[:, None] * directions)
        share = (before / (before - values).clamp(min=1e-9)).clamp(0, 1)
        crossing = last + share * (t - last)
        found = torch.where(values < best, torch.where(values < 0, crossing, t), found)
        best = torch.minimum(best, values)
    return found, best


@torch.no_grad()
def errors(device: str, *, num_rays: int, interpolation: str, fine_levels: float) -> Tensor:
    """|found - expected| of every ray: the larger one of the distance's and the SDF's."""
    from o2recon.field import triton_trace

    field = awake_field(interpolation=interpolation, fine_levels=fine_levels, backend="torch")
    rays = rays_at(num_rays)
    wanted = expected(field.double(), *(part.double() for part in rays))
    assert 0.2 < (wanted[1] < 0).double().mean() < 0.9
    traced = awake_field(interpolation=interpolation, fine_levels=fine_levels, backend="triton").to(device)
    assert triton_trace.fits(traced, torch.device(device))
    found = triton_trace.trace(traced, *(part.to(device) for part in rays), **WAY)
    return torch.stack([(a.cpu().double() - b).abs() for a, b in zip(found, wanted, strict=True)]).amax(0)


INTERPRETED = """
import sys
import o2recon.field
assert "triton" not in sys.modules, "a machine without a GPU needs no Triton"
sys.path.insert(0, sys.argv[1])
from test_triton_trace import errors
assert errors("cpu", num_rays=33, interpolation="smooth", fine_levels=2.5).max() < 1e-5
assert errors("cpu", num_rays=5, interpolation="linear", fine_levels=0.0).max() < 1e-5
"""


def test_interpreted_on_the_cpu() -> None:
    pytest.importorskip("triton")
    arguments = [sys.executable, "-W", "error", "-c", INTERPRETED, str(Path(__file__).parent)]
    subprocess.run(arguments, env=os.environ | {"TRITON_INTERPRET": "1"}, check=True)


@pytest.mark.slow
def test_it_fits_into_the_registers_of_a_hopper_gpu() -> None:
    """Spilling to memory would cost more than the launches saved."""
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from o2recon.field.triton_trace import BLOCK, WARPS
    from o2recon.field.triton_trace_kernels import trace

    flags = {"LEVELS": 4, "FINE_LEVELS": 8, "SMOOTH": True, "FINE_SMOOTH": True, "HIDDEN": 32, "PADDED": 32}
    flags |= {"STEPS": 24, "BLOCK": BLOCK}
    network = ("*i64", "*fp32", "*i32", "*fp32", "*fp32", "*fp32", "*fp32", "fp32")
    types: dict = {"count": "i32", "step_share": "fp32", "min_step": "fp32", "radius": "fp32"}
    types |= {"coarse": network, "fine": network} | dict.fromkeys(flags, "constexpr")
    names = trace.arg_names
    source = ASTSource(
        trace, {name: types.get(name, "*fp32") for name in names}, {(names.index(k),): v for k, v in flags.items()}
    )
    ptx = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": WARPS}).asm["ptx"]
    assembler = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
    command = [assembler, "-v", "-arch=sm_90a", "-o", os.devnull, "-"]
    told = subprocess.run(command, input=ptx, text=True, capture_output=True, check=True).stderr
    assert " 0 bytes spill stores" in told, told


@pytest.mark.gpu
@pytest.mark.parametrize("fine_levels", [0.0, 2.5, 4.0])
@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
@pytest.mark.parametrize("num_rays", [31, 4096, 10000])
def test_on_a_gpu(num_rays: int, interpolation: str, fine_levels: float) -> None:
    """Where a ray grazes, rounding decides between two of its steps."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    found = errors("cuda", num_rays=num_rays, interpolation=interpolation, fine_levels=fine_levels)
    assert found.quantile(0.99) < 1e-5 and found.median() < 1e-6


def test_fields_that_the_kernel_does_not_know_are_searched_step_by_step() -> None:
    field = awake_field(interpolation="smooth", fine_levels=4.0, backend="torch")
    assert field.tracer(torch.device("cpu")) is None
    assert field.tracer(torch.device("cuda")) is None
