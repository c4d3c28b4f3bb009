"""What runs where: Triton is looked for once, and imported only where it is used."""

import functools
import importlib.util

import torch
from torch import Tensor

PRECISIONS = {"highest": "tf32x3", "high": "tf32", "medium": "bf16"}
"""torch.set_float32_matmul_precision -> how matrix products of the fused networks are computed."""


@functools.cache
def has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def fusable(inputs: Tensor, *widths: int) -> bool:
    """Whether the fused networks take these inputs and layer widths."""
    return inputs.is_cuda and inputs.dtype == torch.float32 and max(widths) <= 64 and has_triton()


def matrix_precision() -> str:
    """As torch's own setting says; three TF32 products ("highest") are as good as float32."""
    return PRECISIONS[torch.get_float32_matmul_precision()]
