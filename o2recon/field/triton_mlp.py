"""The SDF network with its input gradient, and the colour network, each as one kernel forward and one backward."""

import contextlib
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from o2recon.field import triton_mlp_kernels as kernels

TILE = {"BLOCK": 64, "num_warps": 4, "num_stages": 1}
"""Points per tile, and how many threads share them."""
PROGRAMS_PER_PROCESSOR = 2
"""Of the backward, whose programs keep the sums of the weights' gradients."""


def _padded(size: int) -> int:
    return max(16, triton.next_power_of_2(size))


def _launch(kernel: Any, tensor: Tensor, programs: int, *arguments: object, **options: object) -> None:
    if len(tensor) == 0:
        return
    device = torch.cuda.device(tensor.device) if tensor.is_cuda else contextlib.nullcontext()
    with device:
        kernel[(programs,)](*arguments, **options)


def _tiles(tensor: Tensor) -> int:
    return triton.cdiv(len(tensor), TILE["BLOCK"])


def _persistent(tensor: Tensor) -> int:
    """Programs that together cover all tiles."""
    processors = torch.cuda.get_device_properties(tensor.device).multi_processor_count if tensor.is_cuda else 1
    return min(triton.cdiv(len(tensor), TILE["BLOCK"]), PROGRAMS_PER_PROCESSOR * processors)


def _strided(tensor: Tensor) -> tuple[Tensor, int, int]:
    return tensor, tensor.stride(0), tensor.stride(1)


def _zeros_like(*tensors: Tensor) -> list[Tensor]:
    """Zeros of several shapes by one memset."""
    sizes = [t.numel() for t in tensors]
    parts = torch.zeros(sum(sizes), device=tensors[0].device).split(sizes)
    return [part.view(t.shape) for part, t in zip(parts, tensors, strict=True)]


class SdfNetwork(torch.autograd.Function):
    """(inputs, W1, b1, W2, b2) -> outputs, d(output 0)/d(inputs) (empty unless `gradient`); one hidden layer."""

    @staticmethod
    def forward(ctx, inputs, w1, b1, w2, b2, beta, gradient, precision):  # type: ignore[no-untyped-def]
        ctx.set_materialize_grads(False)
        count, outputs = len(inputs), len(w2)
        out = torch.empty(count, outputs, device=inputs.device)
        g = torch.empty(inputs.shape[1] if gradient else 0, count, device=inputs.device)
        sizes = {"IN": inputs.shape[1], "HIDDEN": len(w1), "OUT": outputs}
        ctx.options = sizes | {f"{name}_PAD": _padded(size) for name, size in sizes.items()}
        ctx.options |= {"PRECISION": precision}
        arguments = (*_strided(inputs), w1, b1, w2, b2, beta, count, out, g)
        _launch(kernels.sdf_forward, inputs, _tiles(inputs), *arguments, GRADIENT=gradient, **ctx.options, **TILE)
        ctx.save_for_backward(inputs, w1, b1, w2, b2)
        ctx.beta = beta
        return out, g.t()

    @staticmethod
    @once_differentiable
    def backward(ctx, dout, dg):  # type: ignore[no-untyped-def]
        inputs, w1, b1, w2, b2 = ctx.saved_tensors
        dout = inputs.new_zeros(1, 1).expand(len(inputs), len(w2)) if dout is None else dout
        dy = torch.empty(inputs.shape[::-1], device=inputs.device)
        sums = _zeros_like(w1, b1, w2, b2)
        of_dg = _strided(inputs if dg is None else dg)
        arguments = (*_strided(inputs), w1, b1, w2, ctx.beta, len(inputs), *_strided(dout), *of_dg, dy, *sums)
        flags = ctx.options | TILE | {"GRADIENT": dg is not None}
        _launch(kernels.sdf_backward, inputs, _persistent(inputs), *arguments, **flags)
        return dy.t(), *sums, None, None, None


class ColorNetwork(torch.autograd.Function):
    """(inputs, W1, b1, W2, b2, W3, b3) -> RGB; two hidden layers with ReLU, a sigmoid at the end."""

    @staticmethod
    def forward(ctx, inputs, w1, b1, w2, b2, w3, b3, precision):  # type: ignore[no-untyped-def]
        out = torch.empty(len(inputs), 3, device=inputs.device)
        sizes = {"IN": inputs.shape[1], "HIDDEN": len(w1)}
        ctx.options = sizes | {f"{name}_PAD": _padded(size) for name, size in sizes.items()}
        ctx.options |= {"PRECISION": precision}
        arguments = (*_strided(inputs), w1, b1, w2, b2, w3, b3, len(inputs), out)
        _launch(kernels.color_forward, inputs, _tiles(inputs), *arguments, **ctx.options, **TILE)
        ctx.save_for_backward(inputs, w1, b1, w2, b2, w3, b3, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):  # type: ignore[no-untyped-def]
        inputs, w1, b1, w2, b2, w3, b3, out = ctx.saved_tensors
        dx = torch.empty(inputs.shape, device=inputs.device)
        sums = _zeros_like(w1, b1, w2, b2, w3, b3)
        weights = (w1, b1, w2, b2, w3)
        arguments = (*_strided(inputs), *weights, len(inputs), out, *_strided(dout), dx, *sums)
        _launch(kernels.color_backward, inputs, _persistent(inputs), *arguments, **ctx.options, **TILE)
        return dx, *sums, None
