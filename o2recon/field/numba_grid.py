"""The grid encoding on compiled CPU loops: `torch_grid` in float32, with one merged scatter in the backward."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from o2recon.field import numba_kernels as kernels
from o2recon.field.encoding import Encoded, block_length
from o2recon.field.layout import GridLayout

MIN_POINTS_PER_TASK = 1024


@dataclass(frozen=True)
class _Query:
    """The arguments that every kernel begins with, apart from the table."""

    points: np.ndarray
    weights: np.ndarray
    levels: np.ndarray
    smooth: bool
    objects: np.ndarray
    block: int
    total: int

    def arguments(self, table: np.ndarray) -> tuple:
        return (self.points, table, self.weights, self.levels, self.smooth, self.objects, self.block, self.total)


@functools.lru_cache(maxsize=2)
def _pool(num_threads: int, process: int) -> ThreadPoolExecutor:
    """Worker threads; `process` keeps a forked child from waiting for its parent's."""
    return ThreadPoolExecutor(num_threads, thread_name_prefix="grid")


def _run(tasks: list[Callable[[], None]]) -> None:
    """All tasks on as many threads as torch uses."""
    threads = torch.get_num_threads()
    if threads == 1 or len(tasks) <= 1:
        for task in tasks:
            task()
        return
    for future in [_pool(threads, os.getpid()).submit(task) for task in tasks]:
        future.result()


def _over_points(kernel: Callable[..., None], num_points: int, *arguments: object) -> None:
    count = max(1, min(torch.get_num_threads(), num_points // MIN_POINTS_PER_TASK))
    edges = [num_points * k // count for k in range(count + 1)]
    _run([functools.partial(kernel, *arguments, a, b) for a, b in pairwise(edges)])


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


class _Gather(torch.autograd.Function):
    """table -> features, and a handle through which the contraction passes (v, g) back to the one scatter."""

    @staticmethod
    def forward(ctx, table, query):  # type: ignore[no-untyped-def]
        ctx.set_materialize_grads(False)
        ctx.query, ctx.shape = query, table.shape
        num_points, num_channels = query.points.shape[0], len(query.levels) * table.shape[1]
        features = torch.empty(num_points, num_channels)
        _over_points(kernels.gather, num_points, *query.arguments(_array(table)), features.numpy())
        return features, torch.zeros(1, 1).expand(num_points, 3 + num_channels)

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, handle):  # type: ignore[no-untyped-def]
        query, dtable = ctx.query, torch.zeros(ctx.shape)
        if dy is None:
            dy = torch.zeros(len(query.points), len(query.levels) * ctx.shape[1])
        arguments = (*query.arguments(dtable.numpy()), _array(dy))
        if handle is None:
            task = functools.partial(kernels.scatter, *arguments)
        else:
            task = functools.partial(kernels.scatter_both, *arguments, _array(handle))
        pairs = ctx.shape[1] // 2
        active = [n for n in range(len(query.levels) * pairs) if query.weights[n // pairs] != 0]
        _run([functools.partial(task, n) for n in active])
        return dtable, None


class _Contract(torch.autograd.Function):
    """g -> normals; its backward gives dL/dg and hands (v, g) to `_Gather` as the gradient of the handle."""

    @staticmethod
    def forward(ctx, g, handle, table, query):  # type: ignore[no-untyped-def]
        g = g.detach().contiguous()
        ctx.save_for_backward(g)
        ctx.query, ctx.table = query, table
        normals = torch.empty(len(g), 3)
        _over_points(kernels.contract, len(g), *query.arguments(table), g.numpy(), normals.numpy())
        return normals

    @staticmethod
    @once_differentiable
    def backward(ctx, v):  # type: ignore[no-untyped-def]
        (g,) = ctx.saved_tensors
        v = v.contiguous()
        dg = torch.empty_like(g)
        if ctx.needs_input_grad[0]:
            arguments = ctx.query.arguments(ctx.table)
            _over_points(kernels.contract_back, len(g), *arguments, v.numpy(), dg.numpy())
        return dg, torch.cat([v, g], 1) if ctx.needs_input_grad[1] else None, None, None


def encode(
    points: Float[Tensor, "points 3"],
    table: Float[Tensor, "rows features"],
    level_weights: Float[Tensor, "levels"],
    objects: Int[Tensor, "blocks"] | None,
    layout: GridLayout,
    *,
    smooth: bool,
) -> Encoded:
    """As `torch_grid.encode`, for float32 CPU points that need no gradient themselves; contract at most once."""
    query = _Query(
        points=_array(points),
        weights=level_weights.numpy().copy(),
        levels=np.stack([layout.resolutions, layout.rows, layout.offsets, layout.dense], 1).astype(np.int64),
        smooth=smooth,
        objects=np.zeros(1, np.int64) if objects is None else _array(objects.long()),
        block=max(len(points), 1) if objects is None else block_length(points, objects),
        total=layout.total_rows,
    )
    features, handle = _Gather.apply(table, query)
    used = False

    def contract(g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]:
        nonlocal used
        assert not used, "one scatter serves one contraction: encode the points again"
        used = True
        return _Contract.apply(g, handle, _array(table), query)

    return Encoded(features, contract)
