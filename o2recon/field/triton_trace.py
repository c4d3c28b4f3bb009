"""Where rays meet a cascade's surface, by one kernel for the whole search instead of some thirty for each step."""

import contextlib
from typing import cast

import torch
import triton
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.field import triton_trace_kernels as kernels
from o2recon.field.cascade import Cascade
from o2recon.field.encoding import Encoding
from o2recon.field.hash_grid import HashGrid
from o2recon.field.mlp import Mlp
from o2recon.field.triton_grid import level_rows

BLOCK = 32
"""Rays per program; few, so that a step's rays reach every processor."""
WARPS = 1
"""With two the registers do not suffice."""


def fits(field: object, device: torch.device) -> bool:
    """Whether the kernel can trace this field: grids of two features on Triton, one hidden layer."""
    if not isinstance(field, Cascade):
        return False
    grids = (field.coarse_encoding, field.fine_encoding)
    return all(
        isinstance(grid, HashGrid)
        and grid.resolve_backend(device) == "triton"
        and tuple(grid.table.shape) == (grid.layout.total_rows, 2)
        and len(mlp.hidden) == 1
        for grid, mlp in zip(grids, (field.coarse, field.fine), strict=True)
    )


@torch.no_grad()
def trace(
    field: Cascade,
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    near: Float[Tensor, "rays"],
    far: Float[Tensor, "rays"],
    *,
    num_steps: int,
    step_share: float,
    min_step: float,
) -> tuple[Float[Tensor, "rays"], Float[Tensor, "rays"]]:
    """As `o2recon.train.SurfaceSearch.closest`, for a field that `fits`; object frame and units, float32."""
    found, values = torch.empty_like(near), torch.empty_like(near)
    if len(near) == 0:
        return found, values
    hidden = field.coarse.output.in_features
    rays = (origins.contiguous(), directions.contiguous(), near.contiguous(), far.contiguous(), len(near))
    networks = (_network(field.coarse_encoding, field.coarse), _network(field.fine_encoding, field.fine))
    device = torch.cuda.device(near.device) if near.is_cuda else contextlib.nullcontext()
    with device:
        kernels.trace[(triton.cdiv(len(near), BLOCK),)](
            *rays, step_share, min_step, field.initial_radius, *networks, field.gate, found, values,
            LEVELS=_levels(field.coarse_encoding) * field.coarse_is_on,
            FINE_LEVELS=_levels(field.fine_encoding) * field.fine_is_on,
            SMOOTH=field.coarse_encoding.smooth, FINE_SMOOTH=field.fine_encoding.smooth,
            HIDDEN=hidden, PADDED=triton.next_power_of_2(hidden), STEPS=num_steps, BLOCK=BLOCK, num_warps=WARPS,
        )  # fmt: skip
    return found, values


def _levels(grid: Encoding) -> int:
    assert isinstance(grid, HashGrid)
    return grid.num_levels


def _network(grid: Encoding, network: Mlp) -> tuple[Tensor | float, ...]:
    """What the kernel has to know of a grid and the network on it."""
    assert isinstance(grid, HashGrid)
    layer, last = cast(nn.Linear, network.hidden[0]), network.output
    table = grid.table.view(torch.int64)
    levels = level_rows(grid.layout, table.device)
    return table, grid.level_weights, levels, layer.weight, layer.bias, last.weight, last.bias, network.beta
