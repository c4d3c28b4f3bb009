"""What runs where: Triton is looked for once, and imported only where it is used."""

import functools
import importlib.util

import torch
from torch import Tensor

SDF_PRECISION = {"highest": "tf32x3", "high": "tf32x3", "medium": "tf32"}
COLOR_PRECISION = {"highest": "tf32x3", "high": "tf32", "medium": "bf16"}
"""torch.get_float32_matmul_precision() -> how the fused networks multiply. Three TF32 products are as good as float32;
the SDF network stays a step more careful than the colour network, because its gradient is the normal."""


@functools.cache
def has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def fusable(inputs: Tensor, *widths: int) -> bool:
    """Whether the fused networks take these inputs and layer widths."""
    return inputs.is_cuda and inputs.dtype == torch.float32 and max(widths) <= 64 and has_triton()
