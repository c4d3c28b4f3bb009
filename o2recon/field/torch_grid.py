"""The grid encoding in plain differentiable torch operations: runs everywhere, the twin that faster ones are held to.

Level with resolution N and weight m: p = N x, i = floor(p) (at most N - 1), t = p - i, u = t or t^2 (3 - 2 t),
w_c = prod_d u_d or (1 - u_d), theta_c the table row of corner c.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from o2recon.field.encoding import Encoded, block_length
from o2recon.field.layout import PRIMES, GridLayout


def corner_rows(cells: Int[Tensor, "points levels 3"], layout: GridLayout) -> Int[Tensor, "points levels 8"]:
    """Table rows (within one object) of each cell's corners; corner c has the bits (c, c >> 1, c >> 2) & 1."""
    device = cells.device
    bits = torch.tensor([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)], device=device)
    corners = cells[:, :, None, :] + bits
    x, y, z = corners.unbind(-1)
    width = torch.tensor(layout.resolutions, device=device)[:, None] + 1
    rows = torch.tensor(layout.rows, device=device)[:, None]
    dense = torch.tensor(layout.dense, device=device)[:, None]
    linear = x + width * (y + width * z)
    hashed = (x * PRIMES[0]) ^ (y * PRIMES[1]) ^ (z * PRIMES[2])
    local = torch.where(dense, linear, hashed & (rows - 1))
    return local + torch.tensor(layout.offsets, device=device)[:, None]


def interpolation(
    points: Float[Tensor, "points 3"], layout: GridLayout, *, smooth: bool
) -> tuple[Int[Tensor, "points levels 3"], Float[Tensor, "points levels 3"], Float[Tensor, "points levels 3"]]:
    """Cell, position u inside it, and du/dx. Points outside the unit cube take the nearest face's value, du/dx = 0."""
    resolution = torch.tensor(layout.resolutions, device=points.device, dtype=points.dtype)[:, None]
    position = points[:, None, :].clamp(0, 1) * resolution
    cells = torch.minimum(position.detach().floor(), resolution - 1)
    t = position - cells
    inside = ((points >= 0) & (points <= 1))[:, None, :]
    slope = 6 * t * (1 - t) if smooth else torch.ones_like(t)
    u = t * t * (3 - 2 * t) if smooth else t
    return cells.long(), u, slope * resolution * inside


def corner_weights(u: Float[Tensor, "points levels 3"]) -> tuple[Tensor, Tensor]:
    """w_c [points levels 8] and dw_c/du [points levels 8 3]."""
    share = torch.stack([1 - u, u], -1)
    x, y, z = share[:, :, 0, None, None, :], share[:, :, 1, None, :, None], share[:, :, 2, :, None, None]
    sign = torch.tensor([-1.0, 1.0], device=u.device, dtype=u.dtype)
    dx, dy, dz = sign.view(1, 1, 1, 1, 2), sign.view(1, 1, 1, 2, 1), sign.view(1, 1, 2, 1, 1)
    weights = (x * y * z).flatten(2)
    slopes = torch.stack([(dx * y * z).flatten(2), (x * dy * z).flatten(2), (x * y * dz).flatten(2)], -1)
    return weights, slopes


def encode(
    points: Float[Tensor, "points 3"],
    table: Float[Tensor, "rows features"],
    level_weights: Float[Tensor, "levels"],
    objects: Int[Tensor, "blocks"] | None,
    layout: GridLayout,
    *,
    smooth: bool,
) -> Encoded:
    """y = m sum_c w_c theta_c, and the contraction n_d = sum_levels m u'_d sum_c dw_c/du_d <theta_c, g>."""
    cells, u, slope = interpolation(points, layout, smooth=smooth)
    rows = corner_rows(cells, layout)
    if objects is not None:
        first = objects.repeat_interleave(block_length(points, objects)) * layout.total_rows
        rows = rows + first[:, None, None]
    corners = table[rows]
    weights, slopes = corner_weights(u)
    features = torch.einsum("plc,plcf->plf", weights, corners) * level_weights[:, None]

    def contract(g: Float[Tensor, "points channels"]) -> Float[Tensor, "points 3"]:
        per_level = g.view(*features.shape) * level_weights[:, None]
        along = torch.einsum("plcf,plf->plc", corners, per_level)
        return torch.einsum("pld,plcd,plc->pd", slope, slopes, along)

    return Encoded(features.flatten(1), contract)
