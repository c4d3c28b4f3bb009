"""The smallest surface that agrees with hard and soft knowledge about in and out."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


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
    step = 0.28  # below 1 / sqrt(12), the bound for the gradient of a 3D grid
    upper = torch.maximum(upper, lower)
    u = torch.clamp(u, lower, upper)
    ahead = u.clone()
    p = torch.zeros((3, *u.shape), dtype=u.dtype, device=u.device)
    for _ in range(iterations):
        p[0, :-1] += step * (ahead[1:] - ahead[:-1])
        p[1, :, :-1] += step * (ahead[:, 1:] - ahead[:, :-1])
        p[2, :, :, :-1] += step * (ahead[:, :, 1:] - ahead[:, :, :-1])
        p /= p.square().sum(0).sqrt_().clamp_(min=1.0)
        divergence = p.sum(0)
        divergence[1:] -= p[0, :-1]
        divergence[:, 1:] -= p[1, :, :-1]
        divergence[:, :, 1:] -= p[2, :, :, :-1]
        new = torch.clamp(u + step * (divergence - cost), lower, upper)
        ahead, u = 2 * new - u, new
    return u
