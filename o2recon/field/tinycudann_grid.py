"""The grid encoding on tiny-cuda-nn, for those who have built it: the same table and numbers, for comparison.

tiny-cuda-nn takes a level of base resolution R at scale R - 1 and looks up (R - 1) x + 1/2, so R = N + 1 at
x - 1 / (2 N) is our level of resolution N; its levels grow by a constant factor and ours are rounded, hence one of its
encodings per level. Derivatives go through autograd, three scatters a step: its usual recipe. Source: its
`include/tiny-cuda-nn/encodings/grid.h` and `common_device.h`.
"""

import functools
import math
from itertools import pairwise
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from o2recon.field.encoding import Encoded, block_length
from o2recon.field.layout import GridLayout


def load() -> ModuleType:
    """The package; ImportError with the remedy where it is missing."""
    try:
        import tinycudann
    except ImportError as error:
        raise ImportError(
            "encoding backend=tinycudann: the package tinycudann is not importable; build it from "
            "https://github.com/NVlabs/tiny-cuda-nn, or set backend=auto"
        ) from error
    return tinycudann


@functools.lru_cache(maxsize=64)
def _level(resolution: int, rows: int, dense: bool, num_features: int, smooth: bool, device: torch.device) -> nn.Module:
    """One level as tiny-cuda-nn sees it; its own parameters are never used."""
    config = {
        "otype": "Grid",
        "type": "Hash",
        "n_levels": 1,
        "n_features_per_level": num_features,
        "log2_hashmap_size": math.ceil(math.log2(rows + 7 if dense else rows)),
        "base_resolution": resolution + 1,
        "per_level_scale": 1.0,
        "interpolation": "Smoothstep" if smooth else "Linear",
    }
    with torch.device(device):
        return load().Encoding(3, config, dtype=torch.float32).to(device)


def _features(cube: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool) -> Tensor:
    """Unweighted features of points of one object."""
    columns = []
    for resolution, offset, rows, dense in zip(
        layout.resolutions, layout.offsets, layout.rows, layout.dense, strict=True
    ):
        module = _level(resolution, rows, dense, table.shape[1], smooth, table.device)
        own = table[offset : offset + rows].flatten()
        missing = module.get_parameter("params").numel() - own.numel()
        parameters = {"params": nn.functional.pad(own, (0, missing))}
        columns.append(torch.func.functional_call(module, parameters, (cube - 0.5 / resolution,)))
    return torch.cat(columns, -1)


def encode(
    points: Float[Tensor, "points 3"],
    table: Float[Tensor, "rows features"],
    level_weights: Float[Tensor, "levels"],
    objects: Int[Tensor, "blocks"] | None,
    layout: GridLayout,
    *,
    smooth: bool,
) -> Encoded:
    """As `torch_grid.encode`, for float32 points on a GPU that need no gradient themselves."""
    wanted = torch.is_grad_enabled()
    chosen = [0] if objects is None else objects.tolist()
    block = len(points) if objects is None else block_length(points, objects)
    edges = pairwise(block * k for k in range(len(chosen) + 1))
    weights = level_weights.repeat_interleave(table.shape[1])
    with torch.enable_grad():
        moving = points.detach().requires_grad_()
        cube = moving.clamp(0, 1)
        tables = table.view(-1, layout.total_rows, table.shape[1])
        parts = [
            _features(cube[a:b], tables[k], layout, smooth=smooth) for k, (a, b) in zip(chosen, edges, strict=True)
        ]
        features = torch.cat(parts) * weights

    def contract(g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]:
        (normals,) = torch.autograd.grad(features, moving, g, create_graph=wanted, retain_graph=True)
        return normals

    return Encoded(features if wanted else features.detach(), contract)
