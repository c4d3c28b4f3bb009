"""The loops of the grid encoding as Triton kernels in float32; the mathematics is that of `torch_grid`.

One program takes a block of points at one pair of channels; programs of one level run side by side, so that its rows
stay in the cache. `levels` has one int32 row per level: resolution, rows, first row, dense. Features and Jacobians lie
channel by channel, so that neighbouring threads write side by side. The table is read two features at a time as one
integer. `no_type_check` keeps the tests' type checker from wrapping what Triton must compile.
"""

from typing import no_type_check

import triton
import triton.language as tl

PRIME_Y = tl.constexpr(2654435761 - 2**32)  # products wrap in 32 bits
PRIME_Z = tl.constexpr(805459861)


@triton.jit
@no_type_check
def _axis(x, resolution, SMOOTH: tl.constexpr):
    """Cell, u and du/dx along one axis; nan stays nan."""
    scale = resolution.to(tl.float32)
    clamped = tl.minimum(tl.maximum(x, 0.0), 1.0)
    cell = tl.minimum((clamped * scale).to(tl.int32), resolution - 1)
    t = tl.fma(clamped, scale, -cell.to(tl.float32))
    t = tl.where(x != x, x, t)
    slope = tl.where((x >= 0.0) & (x <= 1.0), scale, 0.0)
    if SMOOTH:
        return cell, t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t) * slope
    else:
        return cell, t, slope


@triton.jit
@no_type_check
def _row(x, y, z, last, dense):
    """Row within the level; y and z are already multiplied by their stride or prime."""
    return tl.where(dense, x + y + z, (x ^ y ^ z) & last)


@triton.jit
@no_type_check
def _cell(points, i, inside, level, objects, block, total, OBJECTS: tl.constexpr, SMOOTH: tl.constexpr):
    """First row of each point's level and object, rows of the corners (bits x, y, z) behind it, u and du/dx."""
    resolution = tl.load(level)
    last = tl.load(level + 1) - 1
    dense = tl.load(level + 3) == 1
    x, ux, sx = _axis(tl.load(points + 3 * i, inside, 0.0), resolution, SMOOTH)
    y, uy, sy = _axis(tl.load(points + 3 * i + 1, inside, 0.0), resolution, SMOOTH)
    z, uz, sz = _axis(tl.load(points + 3 * i + 2, inside, 0.0), resolution, SMOOTH)
    step_y = tl.where(dense, resolution + 1, PRIME_Y)
    step_z = tl.where(dense, (resolution + 1) * (resolution + 1), PRIME_Z)
    y, z = y * step_y, z * step_z
    first = tl.load(level + 2)
    if OBJECTS:
        first += tl.load(objects + i // block, inside, 0) * total
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
    return rows, (ux, uy, uz), (sx, sy, sz)


@triton.jit
@no_type_check
def _pair(table, row, pair, inside, PAIRS: tl.constexpr, HALF: tl.constexpr):
    """Two neighbouring features of a row, by one load; `table` points to integers as wide as two features."""
    both = tl.load(table + (row * PAIRS + pair), inside, 0)
    if HALF:
        a = both.to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)
        b = (both >> 16).to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)
        return a, b
    else:
        return both.to(tl.int32).to(tl.float32, bitcast=True), (both >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
@no_type_check
def _blend(t0, t1, t2, t3, t4, t5, t6, t7, u):
    """Trilinear value of eight corners, and its derivative along each axis."""
    x, y, z = u
    a, b, c, d = t1 - t0, t3 - t2, t5 - t4, t7 - t6
    e, f, g, h = t0 + x * a, t2 + x * b, t4 + x * c, t6 + x * d
    low, high = f - e, h - g
    near, far = e + y * low, g + y * high
    a, c = a + y * (b - a), c + y * (d - c)
    return near + z * (far - near), a + z * (c - a), low + z * (high - low), far - near


@triton.jit
@no_type_check
def gather(
    points, weights, levels, objects, block, total, count, table, features, slopes,
    PAIRS: tl.constexpr, OBJECTS: tl.constexpr, SMOOTH: tl.constexpr, HALF: tl.constexpr, SLOPES: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """features[c, i] = m sum_c w_c theta_c; slopes[c, d, i] = m u'_d sum_c dw_c/du_d theta_c where m is not 0."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1)
    inside = i < count
    m = tl.load(weights + n // PAIRS)
    to = features + 2 * n.to(tl.int64) * count + i
    if m == 0.0:
        zero = tl.zeros([BLOCK], tl.float32)
        tl.store(to, zero, inside)
        tl.store(to + count, zero, inside)
    else:
        level = levels + n // PAIRS * 4
        rows, u, s = _cell(points, i, inside, level, objects, block, total, OBJECTS, SMOOTH)
        r0, r1, r2, r3, r4, r5, r6, r7 = rows
        pair = n % PAIRS
        a0, b0 = _pair(table, r0, pair, inside, PAIRS, HALF)
        a1, b1 = _pair(table, r1, pair, inside, PAIRS, HALF)
        a2, b2 = _pair(table, r2, pair, inside, PAIRS, HALF)
        a3, b3 = _pair(table, r3, pair, inside, PAIRS, HALF)
        a4, b4 = _pair(table, r4, pair, inside, PAIRS, HALF)
        a5, b5 = _pair(table, r5, pair, inside, PAIRS, HALF)
        a6, b6 = _pair(table, r6, pair, inside, PAIRS, HALF)
        a7, b7 = _pair(table, r7, pair, inside, PAIRS, HALF)
        a, ax, ay, az = _blend(a0, a1, a2, a3, a4, a5, a6, a7, u)
        b, bx, by, bz = _blend(b0, b1, b2, b3, b4, b5, b6, b7, u)
        tl.store(to, m * a, inside)
        tl.store(to + count, m * b, inside)
        if SLOPES:
            sx, sy, sz = s
            to = slopes + 6 * n.to(tl.int64) * count + i
            tl.store(to, m * sx * ax, inside)
            tl.store(to + count, m * sy * ay, inside)
            tl.store(to + 2 * count, m * sz * az, inside)
            to += 3 * count
            tl.store(to, m * sx * bx, inside)
            tl.store(to + count, m * sy * by, inside)
            tl.store(to + 2 * count, m * sz * bz, inside)


@triton.jit
@no_type_check
def contract(
    weights, count, slopes, g, g_point, g_channel, normals,
    PAIRS: tl.constexpr, LEVELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """normals[i, d] = sum_c slopes[c, d, i] g[i, c] over the active levels."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < count
    zero = tl.zeros([BLOCK], tl.float32)
    x, y, z = zero, zero, zero
    of_g = g + i.to(tl.int64) * g_point
    for n in tl.range(LEVELS * PAIRS, loop_unroll_factor=2):
        speaks = inside & (tl.load(weights + n // PAIRS) + zero != 0.0)
        of = slopes + 6 * tl.cast(n, tl.int64) * count + i
        a, b = _channels(of_g, n, g_channel, 1.0, speaks)
        x += a * tl.load(of, speaks, 0.0) + b * tl.load(of + 3 * count, speaks, 0.0)
        y += a * tl.load(of + count, speaks, 0.0) + b * tl.load(of + 4 * count, speaks, 0.0)
        z += a * tl.load(of + 2 * count, speaks, 0.0) + b * tl.load(of + 5 * count, speaks, 0.0)
    tl.store(normals + 3 * i, x, inside)
    tl.store(normals + 3 * i + 1, y, inside)
    tl.store(normals + 3 * i + 2, z, inside)


@triton.jit
@no_type_check
def contract_back(weights, count, slopes, v, v_point, v_axis, dg, PAIRS: tl.constexpr, BLOCK: tl.constexpr):
    """dg[c, i] = sum_d slopes[c, d, i] v[i, d], given v = dL/d(normals); 0 where a level is inactive."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1)
    inside = i < count
    speaks = inside & (tl.load(weights + n // PAIRS) + tl.zeros([BLOCK], tl.float32) != 0.0)
    of_v = v + i.to(tl.int64) * v_point
    x = tl.load(of_v, speaks, 0.0).to(tl.float32)
    y = tl.load(of_v + v_axis, speaks, 0.0).to(tl.float32)
    z = tl.load(of_v + 2 * v_axis, speaks, 0.0).to(tl.float32)
    for f in tl.static_range(2):
        c = 2 * n.to(tl.int64) + f
        of = slopes + 3 * c * count + i
        sx, sy = tl.load(of, speaks, 0.0), tl.load(of + count, speaks, 0.0)
        tl.store(dg + c * count + i, x * sx + y * sy + z * tl.load(of + 2 * count, speaks, 0.0), inside)


@triton.jit
@no_type_check
def _channels(of, n, step, m, inside):
    """The two values of channel pair n at each point, times m."""
    a = tl.load(of + 2 * n * step, inside, 0.0).to(tl.float32)
    b = tl.load(of + (2 * n + 1) * step, inside, 0.0).to(tl.float32)
    return m * a, m * b


@triton.jit
@no_type_check
def _add(dtable, row, pair, a, b, inside, PAIRS: tl.constexpr):
    """Two neighbouring features of a row at once, so that they become one vector atomic."""
    column = tl.arange(0, 2)[None, :]
    to = dtable + ((row * PAIRS + pair) * 2)[:, None] + column
    tl.atomic_add(to, tl.join(a, b), inside[:, None], sem="relaxed")


@triton.jit
@no_type_check
def scatter(
    points, weights, levels, objects, block, total, count, dtable, dy, dy_point, dy_channel,
    v, v_point, v_axis, g, g_point, g_channel,
    PAIRS: tl.constexpr, OBJECTS: tl.constexpr, SMOOTH: tl.constexpr, FIRST: tl.constexpr, SECOND: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """dtable += m (w_c dy + a_c g), a_c = sum_d v_d u'_d dw_c/du_d: both orders in one pass; either may be absent."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1)
    inside = i < count
    m = tl.load(weights + n // PAIRS)
    if m != 0.0:
        level = levels + n // PAIRS * 4
        rows, u, s = _cell(points, i, inside, level, objects, block, total, OBJECTS, SMOOTH)
        far = i.to(tl.int64)
        ya, yb = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
        if FIRST:
            ya, yb = _channels(dy + far * dy_point, n, dy_channel, m, inside)
        vx, vy, vz, ga, gb = ya, ya, ya, ya, ya
        if SECOND:
            of = v + far * v_point
            vx = s[0] * tl.load(of, inside, 0.0).to(tl.float32)
            vy = s[1] * tl.load(of + v_axis, inside, 0.0).to(tl.float32)
            vz = s[2] * tl.load(of + 2 * v_axis, inside, 0.0).to(tl.float32)
            ga, gb = _channels(g + far * g_point, n, g_channel, m, inside)
        for c in tl.static_range(4):
            y = u[1] if c % 2 else 1.0 - u[1]
            z = u[2] if c // 2 else 1.0 - u[2]
            w0, w1 = (1.0 - u[0]) * y * z, u[0] * y * z
            a0, b0, a1, b1 = w0 * ya, w0 * yb, w1 * ya, w1 * yb
            if SECOND:
                across = (vy if c % 2 else -vy) * z + (vz if c // 2 else -vz) * y
                s0, s1 = (1.0 - u[0]) * across - vx * (y * z), u[0] * across + vx * (y * z)
                a0, b0, a1, b1 = a0 + s0 * ga, b0 + s0 * gb, a1 + s1 * ga, b1 + s1 * gb
            r0, r1 = rows[2 * c], rows[2 * c + 1]
            if PAIRS == 1:  # two rows that differ in the last bit only are one 16-byte atomic: half of all cells
                swap = (r0 & 1) == 1
                both = inside & ((r0 ^ r1) == 1)
                low = tl.join(tl.where(swap, a1, a0), tl.where(swap, a0, a1))
                high = tl.join(tl.where(swap, b1, b0), tl.where(swap, b0, b1))
                values = tl.reshape(tl.join(low, high), [BLOCK, 4])
                to = dtable + ((r0 >> 1) * 4)[:, None] + tl.arange(0, 4)[None, :]
                tl.atomic_add(to, values, both[:, None], sem="relaxed")
                _add(dtable, r0, 0, a0, b0, inside & ((r0 ^ r1) != 1), PAIRS)
                _add(dtable, r1, 0, a1, b1, inside & ((r0 ^ r1) != 1), PAIRS)
            else:
                _add(dtable, r0, n % PAIRS, a0, b0, inside, PAIRS)
                _add(dtable, r1, n % PAIRS, a1, b1, inside, PAIRS)
