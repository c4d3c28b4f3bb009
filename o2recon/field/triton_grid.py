"""The grid encoding on Triton kernels: one gather per query, one merged scatter for both orders; needs a GPU.

The gather also keeps the Jacobian of the features when a contraction may follow (12 bytes a channel and point), which
makes the contraction and its product plain sums over memory instead of two more gathers.
"""

import contextlib
import functools
import os
from dataclasses import dataclass
from typing import Any

import torch
import triton
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from o2recon.field import triton_kernels as kernels
from o2recon.field.encoding import Encoded, block_length
from o2recon.field.layout import GridLayout

BLOCK = 128
"""Points per program."""


@functools.lru_cache(maxsize=16)
def _levels(layout: GridLayout, device: torch.device) -> Tensor:
    rows = zip(layout.resolutions, layout.rows, layout.offsets, layout.dense, strict=True)
    return torch.tensor([[n, r, o, int(d)] for n, r, o, d in rows], dtype=torch.int32, device=device)


@dataclass(frozen=True)
class _Query:
    """The arguments that both kernels that know cells begin with."""

    points: Tensor
    weights: Tensor
    levels: Tensor
    objects: Tensor | None
    block: int
    total: int
    pairs: int
    smooth: bool

    @property
    def num_points(self) -> int:
        return self.points.shape[0]

    @property
    def num_channels(self) -> int:
        return 2 * self.pairs * self.levels.shape[0]

    def arguments(self) -> tuple:
        objects = self.points if self.objects is None else self.objects
        return (self.points, self.weights, self.levels, objects, self.block, self.total, self.num_points)

    def launch(self, kernel: Any, *arguments: object, channels: bool, **options: object) -> None:
        """One program per block of points, and per pair of channels."""
        if self.num_points == 0:
            return
        grid = (triton.cdiv(self.num_points, BLOCK), self.num_channels // 2 if channels else 1)
        device = torch.cuda.device(self.points.device) if self.points.is_cuda else contextlib.nullcontext()
        with device:
            kernel[grid](*arguments, **options, PAIRS=self.pairs, BLOCK=BLOCK, num_warps=4)


class _Gather(torch.autograd.Function):
    """table -> features, Jacobian (if `slopes`), two handles that bring v and g of the contraction to the scatter."""

    @staticmethod
    def forward(ctx, table, rows, query, slopes):  # type: ignore[no-untyped-def]
        ctx.set_materialize_grads(False)
        ctx.query, ctx.shape = query, table.shape
        points, channels = query.num_points, query.num_channels
        features = torch.empty(channels, points, device=table.device)
        jacobian = torch.empty(channels if slopes else 0, 3, points, device=table.device)
        half = rows.dtype == torch.float16
        pairs = rows.view(torch.int32 if half else torch.int64)
        arguments = (*query.arguments(), pairs, features, jacobian)
        flags = {"OBJECTS": query.objects is not None, "SMOOTH": query.smooth, "HALF": half, "SLOPES": slopes}
        query.launch(kernels.gather, *arguments, channels=True, **flags)
        ctx.mark_non_differentiable(jacobian)
        handle = torch.zeros(1, 1, device=table.device)
        return features.t(), jacobian, handle.expand(points, 3), handle.expand(points, channels)

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, _, v, g):  # type: ignore[no-untyped-def]
        query = ctx.query
        dtable = torch.zeros(ctx.shape, device=query.points.device)
        if dy is None and v is None:
            return dtable, None, None, None
        flags = {"OBJECTS": query.objects is not None, "SMOOTH": query.smooth}
        flags |= {"FIRST": dy is not None, "SECOND": v is not None}
        absent = query.points
        dy, v, g = (absent if t is None else t for t in (dy, v, g))
        of_grads = (*_strided(dy), *_strided(v), *_strided(g))
        query.launch(kernels.scatter, *query.arguments(), dtable, *of_grads, channels=True, **flags)
        return dtable, None, None, None


class _Contract(torch.autograd.Function):
    """g -> normals; its backward gives dL/dg and hands v and g to `_Gather` as the gradients of the handles."""

    @staticmethod
    def forward(ctx, g, handle_v, handle_g, jacobian, query):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(g, jacobian)
        ctx.query = query
        normals = torch.empty(query.num_points, 3, device=g.device)
        arguments = (query.weights, query.num_points, jacobian, *_strided(g), normals)
        query.launch(kernels.contract, *arguments, channels=False, LEVELS=len(query.levels))
        return normals

    @staticmethod
    @once_differentiable
    def backward(ctx, v):  # type: ignore[no-untyped-def]
        g, jacobian = ctx.saved_tensors
        query, dg = ctx.query, None
        if ctx.needs_input_grad[0]:
            dg = torch.empty(query.num_channels, query.num_points, dtype=g.dtype, device=g.device)
            arguments = (query.weights, query.num_points, jacobian, *_strided(v), dg)
            query.launch(kernels.contract_back, *arguments, channels=True)
            dg = dg.t()
        return dg, *((v, g) if ctx.needs_input_grad[1] else (None, None)), None, None


def _strided(tensor: Tensor) -> tuple[Tensor, int, int]:
    return tensor, tensor.stride(0), tensor.stride(1)


def encode(
    points: Float[Tensor, "points 3"],
    table: Float[Tensor, "rows features"],
    level_weights: Float[Tensor, "levels"],
    objects: Int[Tensor, "blocks"] | None,
    layout: GridLayout,
    *,
    smooth: bool,
    rows: Tensor | None = None,
    contraction: bool = True,
) -> Encoded:
    """As `torch_grid.encode`, for float32 points that need no gradient themselves; contract at most once.

    `rows`: what is read instead of `table`, such as its copy in float16; the gradient goes to `table`. Without
    `contraction` no Jacobian is kept.
    ValueError for points on the CPU (unless Triton interprets its kernels).
    """
    if not points.is_cuda and os.environ.get("TRITON_INTERPRET") != "1":
        raise ValueError(f"encoding backend=triton: points on {points.device}, must be on a GPU; set backend=auto")
    query = _Query(
        points=points.detach().contiguous(),
        weights=level_weights,
        levels=_levels(layout, points.device),
        objects=None if objects is None else objects.to(points.device, torch.int32),
        block=1 if objects is None else max(block_length(points, objects), 1),
        total=layout.total_rows,
        pairs=table.shape[1] // 2,
        smooth=smooth,
    )
    rows = table.detach() if rows is None else rows
    features, jacobian, handle_v, handle_g = _Gather.apply(table, rows, query, contraction)
    used = not contraction

    def contract(g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]:
        nonlocal used
        assert not used, "one scatter serves one contraction: encode the points again"
        used = True
        return _Contract.apply(g, handle_v, handle_g, jacobian, query)

    return Encoded(features, contract)
