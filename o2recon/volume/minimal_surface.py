"""The smallest surface that agrees with hard and soft knowledge about in and out."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from o2recon.volume import relaxation_kernels as kernels
from o2recon.volume.threads import Planes


def minimal_surface(
    cost: Float[Tensor, "x y z"],
    lower: Float[Tensor, "x y z"],
    upper: Float[Tensor, "x y z"],
    *,
    iterations: int,
    coarsest: int = 24,
) -> Float[Tensor, "x y z"]:
    """Occupancy u in [lower, upper] that minimises its total variation plus cost * u; u = 0.5 is the surface.

    The relaxation of the weighted minimal surface is convex and thresholding gives a global minimum (Chan, Esedoglu and
    Nikolova 2006). Solved by the primal-dual method of Chambolle and Pock (2011), coarse to fine: large unknown regions
    are decided on coarse grids. `cost` is per voxel in units of one voxel face: a cost of c per metre of thickness is
    c * spacing. Thin parts with lower = 1 stay in every coarser grid.
    """
    if min(cost.shape) <= coarsest:
        return _descend(torch.full_like(cost, 0.5), cost, lower, upper, 6 * iterations)
    coarse = minimal_surface(
        2 * _pool(cost, F.avg_pool3d),
        _pool(lower, F.max_pool3d),
        _pool(upper, F.max_pool3d),
        iterations=iterations,
        coarsest=coarsest,
    )
    start = F.interpolate(coarse[None, None], scale_factor=2, mode="trilinear")[0, 0]
    x, y, z = cost.shape
    return _descend(start[:x, :y, :z], cost, lower, upper, iterations)


def _pool(values: Tensor, pool) -> Tensor:
    return pool(values[None, None], 2, ceil_mode=True)[0, 0]


def _descend(u: Tensor, cost: Tensor, lower: Tensor, upper: Tensor, iterations: int) -> Tensor:
    step = np.float32(0.28)  # below 1 / sqrt(12), the bound for the gradient of a 3D grid
    upper = torch.maximum(upper, lower)
    u = torch.clamp(u, lower, upper)
    values = [t.contiguous().numpy() for t in (u.clone(), u.clone(), cost, lower, upper)]
    now, ahead, *fixed = values
    p = np.zeros((*u.shape, 3), np.float32)
    with Planes(len(now)) as planes:
        for _ in range(iterations):
            planes(lambda a, b: kernels.ascend(p, ahead, step, a, b))
            planes(lambda a, b: kernels.descend(now, ahead, p, *fixed, step, a, b))
    return torch.from_numpy(now)
