"""Sphere tracing of a cascade as one Triton kernel: a tile of rays stays on the chip from its first step to its last.

SDF values only, in float32: grid features go into the hidden layer's sums as they are read, two channels at a time.
`no_type_check` keeps the tests' type checker from wrapping what Triton must compile.
"""

from typing import no_type_check

import triton
import triton.language as tl

from o2recon.field.triton_kernels import PRIME_Y, PRIME_Z, _axis, _blend, _pair, _row
from o2recon.field.triton_mlp_kernels import _softplus, _vector


@triton.jit
@no_type_check
def _corners(px, py, pz, level, SMOOTH: tl.constexpr):
    """Rows of the corners of each point's cell (bits x, y, z), and u: `triton_kernels._cell` of points on the chip."""
    resolution, first = tl.load(level), tl.load(level + 2)
    last = tl.load(level + 1) - 1
    dense = tl.load(level + 3) == 1
    x, ux, _ = _axis(px, resolution, SMOOTH)
    y, uy, _ = _axis(py, resolution, SMOOTH)
    z, uz, _ = _axis(pz, resolution, SMOOTH)
    step_y = tl.where(dense, resolution + 1, PRIME_Y)
    step_z = tl.where(dense, (resolution + 1) * (resolution + 1), PRIME_Z)
    y, z = y * step_y, z * step_z
    rows = (
        first + _row(x, y, z, last, dense),
        first + _row(x + 1, y, z, last, dense),
        first + _row(x, y + step_y, z, last, dense),
        first + _row(x + 1, y + step_y, z, last, dense),
        first + _row(x, y, z + step_z, last, dense),
        first + _row(x + 1, y, z + step_z, last, dense),
        first + _row(x, y + step_y, z + step_z, last, dense),
        first + _row(x + 1, y + step_y, z + step_z, last, dense),
    )
    return rows, (ux, uy, uz)


@triton.jit
@no_type_check
def _network(
    x, y, z, inside, table, weights, levels, w1, b1, w2, b2, beta,
    LEVELS: tl.constexpr, SMOOTH: tl.constexpr, HIDDEN: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """First output of a network with one hidden layer on a grid's features at points of the unit cube."""
    o = tl.arange(0, PADDED)
    hidden = x[:, None] * 0.0 + _vector(b1, HIDDEN, PADDED)[None, :]
    for n in range(LEVELS):
        m = tl.load(weights + n)
        r, u = _corners(x, y, z, levels + 4 * n, SMOOTH)
        a0, b0 = _pair(table, r[0], 0, inside, 1, False)
        a1, b1_ = _pair(table, r[1], 0, inside, 1, False)
        a2, b2_ = _pair(table, r[2], 0, inside, 1, False)
        a3, b3 = _pair(table, r[3], 0, inside, 1, False)
        a4, b4 = _pair(table, r[4], 0, inside, 1, False)
        a5, b5 = _pair(table, r[5], 0, inside, 1, False)
        a6, b6 = _pair(table, r[6], 0, inside, 1, False)
        a7, b7 = _pair(table, r[7], 0, inside, 1, False)
        first, _, _, _ = _blend(a0, a1, a2, a3, a4, a5, a6, a7, u)
        second, _, _, _ = _blend(b0, b1_, b2_, b3, b4, b5, b6, b7, u)
        of_first = tl.load(w1 + o * 2 * LEVELS + 2 * n, o < HIDDEN, 0.0)
        of_second = tl.load(w1 + o * 2 * LEVELS + 2 * n + 1, o < HIDDEN, 0.0)
        hidden += (m * first)[:, None] * of_first[None, :] + (m * second)[:, None] * of_second[None, :]
    h, _ = _softplus(hidden, beta)
    return tl.sum(h * _vector(w2, HIDDEN, PADDED)[None, :], 1) + tl.load(b2)


@triton.jit
@no_type_check
def _sdf(
    px, py, pz, inside, coarse, fine, gate, radius,
    LEVELS: tl.constexpr, FINE_LEVELS: tl.constexpr, SMOOTH: tl.constexpr, FINE_SMOOTH: tl.constexpr,
    HIDDEN: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """`coarse`, `fine`: arguments of `_network`; one with 0 levels is off."""
    x, y, z = px * 0.5 + 0.5, py * 0.5 + 0.5, pz * 0.5 + 0.5
    sdf = tl.sqrt(px * px + py * py + pz * pz + 0.01) - radius
    if LEVELS > 0:
        sdf += _network(
            x, y, z, inside, coarse[0], coarse[1], coarse[2], coarse[3], coarse[4], coarse[5], coarse[6], coarse[7],
            LEVELS, SMOOTH, HIDDEN, PADDED,
        )  # fmt: skip
    if FINE_LEVELS > 0:
        sdf += tl.load(gate) * _network(
            x, y, z, inside, fine[0], fine[1], fine[2], fine[3], fine[4], fine[5], fine[6], fine[7],
            FINE_LEVELS, FINE_SMOOTH, HIDDEN, PADDED,
        )  # fmt: skip
    return sdf


@triton.jit
@no_type_check
def trace(
    origins, directions, nears, fars, count, step_share, min_step, radius, coarse, fine, gate, found, values,
    LEVELS: tl.constexpr, FINE_LEVELS: tl.constexpr, SMOOTH: tl.constexpr, FINE_SMOOTH: tl.constexpr,
    HIDDEN: tl.constexpr, PADDED: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Distance to the first crossing or the closest approach, and the SDF there; `STEPS` looks per ray."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < count
    ox, oy, oz = (
        tl.load(origins + 3 * i, inside, 0.0),
        tl.load(origins + 3 * i + 1, inside, 0.0),
        tl.load(origins + 3 * i + 2, inside, 0.0),
    )
    dx, dy, dz = (
        tl.load(directions + 3 * i, inside, 0.0),
        tl.load(directions + 3 * i + 1, inside, 0.0),
        tl.load(directions + 3 * i + 2, inside, 0.0),
    )
    t, far = tl.load(nears + i, inside, 0.0), tl.load(fars + i, inside, 0.0)
    value = t * 0.0
    best_t, best = t, value + float("inf")
    for _ in range(STEPS):
        before_t, before = t, value
        further = t + tl.maximum(step_share * value, min_step)
        t = tl.where((value > 0) & (further < far), further, t)  # stays in the first step, whose value is 0
        value = _sdf(
            ox + t * dx, oy + t * dy, oz + t * dz, inside, coarse, fine, gate, radius,
            LEVELS, FINE_LEVELS, SMOOTH, FINE_SMOOTH, HIDDEN, PADDED,
        )  # fmt: skip
        share = tl.minimum(tl.maximum(before / tl.maximum(before - value, 1e-9), 0.0), 1.0)
        reached = tl.where(value < 0, before_t + share * (t - before_t), t)
        best_t = tl.where(value < best, reached, best_t)
        best = tl.minimum(value, best)
    tl.store(found + i, best_t, inside)
    tl.store(values + i, best, inside)
