"""The loops of the grid encoding, compiled for the CPU in float32; the mathematics is that of `torch_grid`.

`levels` has one int64 row per level: resolution, rows, first row, dense. Features are taken two at a time. Kernels
release the GIL so that a thread pool runs them side by side: over points where they gather, over levels where they
scatter (two levels never share a row, so no atomics are needed and sums keep one order). `no_type_check` keeps the
tests' type checker from wrapping what numba must compile.
"""

from typing import no_type_check

import numba
import numpy as np

from o2recon.field.layout import PRIMES

ZERO, ONE, TWO, THREE, SIX = (np.float32(v) for v in (0, 1, 2, 3, 6))
PRIME_Y, PRIME_Z = PRIMES[1], PRIMES[2]
# Everything of fastmath that leaves nan what it is: a diverged field must stay visible.
_compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})


@_compiled
@no_type_check
def _axis(x, resolution, smooth):
    """Cell, u and du/dx along one axis."""
    scale = np.float32(resolution)
    position = min(max(x, ZERO), ONE) * scale
    cell = max(min(np.int64(position), resolution - 1), 0)
    t = position - np.float32(cell)
    if x < ZERO or x > ONE:
        scale = ZERO
    if smooth:
        return cell, t * t * (THREE - TWO * t), SIX * t * (ONE - t) * scale
    return cell, t, scale


@_compiled
@no_type_check
def _corners(points, i, level, smooth, first):
    """The eight table rows of the cell of point i (bits of the corner: x, y, z), u and du/dx."""
    resolution, last, dense = level[0], level[1] - 1, level[3] == 1
    x, ux, sx = _axis(points[i, 0], resolution, smooth)
    y, uy, sy = _axis(points[i, 1], resolution, smooth)
    z, uz, sz = _axis(points[i, 2], resolution, smooth)
    if dense:
        width = resolution + 1
        y, z = y * width, z * width * width
        a = first + x + y + z
        b, c = a + width, a + width * width
        d = b + width * width
        rows = (a, a + 1, b, b + 1, c, c + 1, d, d + 1)
    else:
        y, z = y * PRIME_Y, z * PRIME_Z
        a, b, c, d = y ^ z, (y + PRIME_Y) ^ z, y ^ (z + PRIME_Z), (y + PRIME_Y) ^ (z + PRIME_Z)
        w = x + 1
        rows = (
            first + ((x ^ a) & last), first + ((w ^ a) & last), first + ((x ^ b) & last), first + ((w ^ b) & last),
            first + ((x ^ c) & last), first + ((w ^ c) & last), first + ((x ^ d) & last), first + ((w ^ d) & last),
        )  # fmt: skip
    return rows, (ux, uy, uz), (sx, sy, sz)


@_compiled
@no_type_check
def _weights(u):
    """w_c of the eight corners."""
    x, y, z = u
    a, b, c, d = (ONE - y) * (ONE - z), y * (ONE - z), (ONE - y) * z, y * z
    w = ONE - x
    return w * a, x * a, w * b, x * b, w * c, x * c, w * d, x * d


@_compiled
@no_type_check
def _slopes(u, v):
    """a_c = sum_d v_d dw_c/du_d of the eight corners."""
    (x, y, z), (vx, vy, vz) = u, v
    p, q, r = ONE - x, ONE - y, ONE - z
    a, b, c, d = vx * q * r, vx * y * r, vx * q * z, vx * y * z
    e, f, g, h = vy * p * r, vy * x * r, vy * p * z, vy * x * z
    i, j, k, m = vz * p * q, vz * x * q, vz * p * y, vz * x * y
    return -a - e - i, a - f - j, -b + e - k, b + f - m, -c - g + i, c - h + j, -d + g + k, d + h + m


@_compiled
@no_type_check
def gather(points, table, weights, levels, smooth, objects, block, total, features, start, stop):
    """features = m sum_c w_c theta_c for points start..stop."""
    pairs = table.shape[1] // 2
    for n in range(levels.shape[0] * pairs):
        level, m = levels[n // pairs], weights[n // pairs]
        low, column, edge, first = 2 * (n % pairs), 2 * n, np.int64(-1), np.int64(0)
        for i in range(start, stop):
            if i >= edge:
                first, edge = objects[i // block] * total + level[2], (i // block + 1) * block
            rows, u, _ = _corners(points, i, level, smooth, first)
            w = _weights(u)
            sum_a, sum_b = ZERO, ZERO
            for c in range(8):
                sum_a += w[c] * table[rows[c], low]
                sum_b += w[c] * table[rows[c], low + 1]
            features[i, column], features[i, column + 1] = m * sum_a, m * sum_b


@_compiled
@no_type_check
def contract(points, table, weights, levels, smooth, objects, block, total, g, normals, start, stop):
    """normals_d = sum_levels m u'_d sum_c dw_c/du_d <theta_c, g> for points start..stop."""
    pairs = table.shape[1] // 2
    normals[start:stop] = ZERO
    for n in range(levels.shape[0] * pairs):
        level, m = levels[n // pairs], weights[n // pairs]
        low, column, edge, first = 2 * (n % pairs), 2 * n, np.int64(-1), np.int64(0)
        if m == ZERO:
            continue
        for i in range(start, stop):
            if i >= edge:
                first, edge = objects[i // block] * total + level[2], (i // block + 1) * block
            rows, (x, y, z), slope = _corners(points, i, level, smooth, first)
            ga, gb = m * g[i, column], m * g[i, column + 1]
            t0 = ga * table[rows[0], low] + gb * table[rows[0], low + 1]
            t1 = ga * table[rows[1], low] + gb * table[rows[1], low + 1]
            t2 = ga * table[rows[2], low] + gb * table[rows[2], low + 1]
            t3 = ga * table[rows[3], low] + gb * table[rows[3], low + 1]
            t4 = ga * table[rows[4], low] + gb * table[rows[4], low + 1]
            t5 = ga * table[rows[5], low] + gb * table[rows[5], low + 1]
            t6 = ga * table[rows[6], low] + gb * table[rows[6], low + 1]
            t7 = ga * table[rows[7], low] + gb * table[rows[7], low + 1]
            a, b, c, d = t1 - t0, t3 - t2, t5 - t4, t7 - t6
            normals[i, 0] += slope[0] * ((a * (ONE - y) + b * y) * (ONE - z) + (c * (ONE - y) + d * y) * z)
            a, b, c, d = t0 + a * x, t2 + b * x, t4 + c * x, t6 + d * x
            normals[i, 1] += slope[1] * ((b - a) * (ONE - z) + (d - c) * z)
            normals[i, 2] += slope[2] * ((c - a) * (ONE - y) + (d - b) * y)


@_compiled
@no_type_check
def contract_back(points, table, weights, levels, smooth, objects, block, total, v, dg, start, stop):
    """dL/dg = m sum_c a_c theta_c, a_c = sum_d v_d u'_d dw_c/du_d, given v = dL/d(normals), for points start..stop."""
    pairs = table.shape[1] // 2
    for n in range(levels.shape[0] * pairs):
        level, m = levels[n // pairs], weights[n // pairs]
        low, column, edge, first = 2 * (n % pairs), 2 * n, np.int64(-1), np.int64(0)
        for i in range(start, stop):
            if i >= edge:
                first, edge = objects[i // block] * total + level[2], (i // block + 1) * block
            rows, u, slope = _corners(points, i, level, smooth, first)
            a = _slopes(u, (v[i, 0] * slope[0], v[i, 1] * slope[1], v[i, 2] * slope[2]))
            sum_a, sum_b = ZERO, ZERO
            for c in range(8):
                sum_a += a[c] * table[rows[c], low]
                sum_b += a[c] * table[rows[c], low + 1]
            dg[i, column], dg[i, column + 1] = m * sum_a, m * sum_b


@_compiled
@no_type_check
def scatter(points, dtable, weights, levels, smooth, objects, block, total, dy, n):
    """dtable += m w_c dy for all points and the feature pair n of all levels' pairs."""
    pairs = dtable.shape[1] // 2
    level, m = levels[n // pairs], weights[n // pairs]
    low, column, edge, first = 2 * (n % pairs), 2 * n, np.int64(-1), np.int64(0)
    for i in range(points.shape[0]):
        if i >= edge:
            first, edge = objects[i // block] * total + level[2], (i // block + 1) * block
        rows, u, _ = _corners(points, i, level, smooth, first)
        w = _weights(u)
        ya, yb = m * dy[i, column], m * dy[i, column + 1]
        for c in range(8):
            dtable[rows[c], low] += w[c] * ya
            dtable[rows[c], low + 1] += w[c] * yb


@_compiled
@no_type_check
def scatter_both(points, dtable, weights, levels, smooth, objects, block, total, dy, back, n):
    """dtable += m (w_c dy + a_c g), the features' and the contraction's share in one pass; back = [v, g] per point."""
    pairs = dtable.shape[1] // 2
    level, m = levels[n // pairs], weights[n // pairs]
    low, column, edge, first = 2 * (n % pairs), 2 * n, np.int64(-1), np.int64(0)
    for i in range(points.shape[0]):
        if i >= edge:
            first, edge = objects[i // block] * total + level[2], (i // block + 1) * block
        rows, u, slope = _corners(points, i, level, smooth, first)
        w = _weights(u)
        a = _slopes(u, (back[i, 0] * slope[0], back[i, 1] * slope[1], back[i, 2] * slope[2]))
        ya, yb = m * dy[i, column], m * dy[i, column + 1]
        ga, gb = m * back[i, 3 + column], m * back[i, 4 + column]
        for c in range(8):
            dtable[rows[c], low] += w[c] * ya + a[c] * ga
            dtable[rows[c], low + 1] += w[c] * yb + a[c] * gb
