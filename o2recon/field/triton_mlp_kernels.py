"""The small networks as Triton kernels: a tile of points stays on the chip from the inputs to the outputs and back.

Weights are those of `nn.Linear`, [outputs inputs], row by row. Sizes that are no powers of two (at least 16) are padded
with zeros. The backward computes the activations again and sums weight gradients over the tiles of a program before it
adds them to memory. PRECISION: tf32, tf32x3 or ieee, as `tl.dot` has them, or bf16. `no_type_check` keeps the tests'
type checker from wrapping what Triton must compile.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def _dot(a, b, PRECISION: tl.constexpr):
    if PRECISION == "bf16":
        return tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16))
    else:
        return tl.dot(a, b, input_precision=PRECISION)


@triton.jit
@no_type_check
def _rows(of, i, row, column, inside, size: tl.constexpr, padded: tl.constexpr):
    """[points, padded] tile of a matrix with strides `row` and `column`; 0 outside."""
    c = tl.arange(0, padded)
    to = of + i.to(tl.int64)[:, None] * row + c[None, :] * column
    return tl.load(to, inside[:, None] & (c < size)[None, :], 0.0).to(tl.float32)


@triton.jit
@no_type_check
def _put(to, i, row, column, inside, values, size: tl.constexpr, padded: tl.constexpr):
    c = tl.arange(0, padded)
    tl.store(to + i.to(tl.int64)[:, None] * row + c[None, :] * column, values, inside[:, None] & (c < size)[None, :])


@triton.jit
@no_type_check
def _weight(of, OUT: tl.constexpr, IN: tl.constexpr, OUT_PAD: tl.constexpr, IN_PAD: tl.constexpr):
    o, c = tl.arange(0, OUT_PAD), tl.arange(0, IN_PAD)
    return tl.load(of + o[:, None] * IN + c[None, :], (o < OUT)[:, None] & (c < IN)[None, :], 0.0)


@triton.jit
@no_type_check
def _add_weight(to, values, OUT: tl.constexpr, IN: tl.constexpr, OUT_PAD: tl.constexpr, IN_PAD: tl.constexpr):
    o, c = tl.arange(0, OUT_PAD), tl.arange(0, IN_PAD)
    mask = (o < OUT)[:, None] & (c < IN)[None, :]
    tl.atomic_add(to + o[:, None] * IN + c[None, :], values, mask, sem="relaxed")


@triton.jit
@no_type_check
def _vector(of, SIZE: tl.constexpr, PADDED: tl.constexpr):
    c = tl.arange(0, PADDED)
    return tl.load(of + c, c < SIZE, 0.0)


@triton.jit
@no_type_check
def _add_vector(to, values, SIZE: tl.constexpr, PADDED: tl.constexpr):
    c = tl.arange(0, PADDED)
    tl.atomic_add(to + c, values, c < SIZE, sem="relaxed")


@triton.jit
@no_type_check
def _softplus(z, beta):
    """softplus(beta z) / beta and its derivative sigmoid(beta z)."""
    e = tl.exp(-tl.abs(beta * z))
    share = 1.0 / (1.0 + e)
    return tl.maximum(z, 0.0) + tl.log(1.0 + e) / beta, tl.where(z >= 0.0, share, e * share)


@triton.jit
@no_type_check
def sdf_forward(
    y, y_point, y_channel, w1, b1, w2, b2, beta, count, out, g,
    IN: tl.constexpr, HIDDEN: tl.constexpr, OUT: tl.constexpr, IN_PAD: tl.constexpr, HIDDEN_PAD: tl.constexpr,
    OUT_PAD: tl.constexpr, GRADIENT: tl.constexpr, PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out = W2 softplus(W1 y + b1) + b2, row by row; g = d(out 0)/dy, channel by channel."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < count
    a = _rows(y, i, y_point, y_channel, inside, IN, IN_PAD)
    first = _weight(w1, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    second = _weight(w2, OUT, HIDDEN, OUT_PAD, HIDDEN_PAD)
    z = _dot(a, tl.trans(first), PRECISION) + _vector(b1, HIDDEN, HIDDEN_PAD)[None, :]
    h, s = _softplus(z, beta)
    values = _dot(h, tl.trans(second), PRECISION) + _vector(b2, OUT, OUT_PAD)[None, :]
    _put(out, i, OUT, 1, inside, values, OUT, OUT_PAD)
    if GRADIENT:
        q = s * _vector(w2, HIDDEN, HIDDEN_PAD)[None, :]
        _put(g, i, 1, count, inside, _dot(q, first, PRECISION), IN, IN_PAD)


@triton.jit
@no_type_check
def sdf_backward(
    y, y_point, y_channel, w1, b1, w2, beta, count, dout, dout_point, dout_channel, dg, dg_point, dg_channel,
    dy, dw1, db1, dw2, db2,
    IN: tl.constexpr, HIDDEN: tl.constexpr, OUT: tl.constexpr, IN_PAD: tl.constexpr, HIDDEN_PAD: tl.constexpr,
    OUT_PAD: tl.constexpr, GRADIENT: tl.constexpr, PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """dy channel by channel, and the weights' gradients added up, from the gradients of out and g."""
    first = _weight(w1, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    second = _weight(w2, OUT, HIDDEN, OUT_PAD, HIDDEN_PAD)
    bias = _vector(b1, HIDDEN, HIDDEN_PAD)[None, :]
    to_sdf = _vector(w2, HIDDEN, HIDDEN_PAD)[None, :]
    of_first = tl.zeros([HIDDEN_PAD, IN_PAD], tl.float32)
    of_second = tl.zeros([OUT_PAD, HIDDEN_PAD], tl.float32)
    of_bias, of_to_sdf = tl.zeros([HIDDEN_PAD], tl.float32), tl.zeros([HIDDEN_PAD], tl.float32)
    of_last = tl.zeros([OUT_PAD], tl.float32)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        i = tile * BLOCK + tl.arange(0, BLOCK)
        inside = i < count
        a = _rows(y, i, y_point, y_channel, inside, IN, IN_PAD)
        d = _rows(dout, i, dout_point, dout_channel, inside, OUT, OUT_PAD)
        h, s = _softplus(_dot(a, tl.trans(first), PRECISION) + bias, beta)
        dz = _dot(d, second, PRECISION) * s
        of_second += _dot(tl.trans(d), h, PRECISION)
        of_last += tl.sum(d, 0)
        if GRADIENT:
            e = _rows(dg, i, dg_point, dg_channel, inside, IN, IN_PAD)
            dq = _dot(e, tl.trans(first), PRECISION)
            of_first += _dot(tl.trans(s * to_sdf), e, PRECISION)
            of_to_sdf += tl.sum(dq * s, 0)
            dz += dq * to_sdf * beta * s * (1.0 - s)
        of_first += _dot(tl.trans(dz), a, PRECISION)
        of_bias += tl.sum(dz, 0)
        _put(dy, i, 1, count, inside, _dot(dz, first, PRECISION), IN, IN_PAD)
    _add_weight(dw1, of_first, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    _add_weight(dw2, of_second, OUT, HIDDEN, OUT_PAD, HIDDEN_PAD)
    _add_vector(db1, of_bias, HIDDEN, HIDDEN_PAD)
    _add_vector(db2, of_last, OUT, OUT_PAD)
    if GRADIENT:
        _add_vector(dw2, of_to_sdf, HIDDEN, HIDDEN_PAD)


@triton.jit
@no_type_check
def color_forward(
    x, x_point, x_channel, w1, b1, w2, b2, w3, b3, count, out,
    IN: tl.constexpr, HIDDEN: tl.constexpr, IN_PAD: tl.constexpr, HIDDEN_PAD: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out = sigmoid(W3 relu(W2 relu(W1 x + b1) + b2) + b3), three channels."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < count
    a = _rows(x, i, x_point, x_channel, inside, IN, IN_PAD)
    first = _weight(w1, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    h = tl.maximum(_dot(a, tl.trans(first), PRECISION) + _vector(b1, HIDDEN, HIDDEN_PAD)[None, :], 0.0)
    second = _weight(w2, HIDDEN, HIDDEN, HIDDEN_PAD, HIDDEN_PAD)
    h = tl.maximum(_dot(h, tl.trans(second), PRECISION) + _vector(b2, HIDDEN, HIDDEN_PAD)[None, :], 0.0)
    third = _weight(w3, 3, HIDDEN, 16, HIDDEN_PAD)
    values = tl.sigmoid(_dot(h, tl.trans(third), PRECISION) + _vector(b3, 3, 16)[None, :])
    _put(out, i, 3, 1, inside, values, 3, 16)


@triton.jit
@no_type_check
def color_backward(
    x, x_point, x_channel, w1, b1, w2, b2, w3, count, out, dout, dout_point, dout_channel,
    dx, dw1, db1, dw2, db2, dw3, db3,
    IN: tl.constexpr, HIDDEN: tl.constexpr, IN_PAD: tl.constexpr, HIDDEN_PAD: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """dx row by row, and the weights' gradients added up; `out` is what the forward gave."""
    first = _weight(w1, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    second = _weight(w2, HIDDEN, HIDDEN, HIDDEN_PAD, HIDDEN_PAD)
    third = _weight(w3, 3, HIDDEN, 16, HIDDEN_PAD)
    bias_1, bias_2 = _vector(b1, HIDDEN, HIDDEN_PAD)[None, :], _vector(b2, HIDDEN, HIDDEN_PAD)[None, :]
    of_first = tl.zeros([HIDDEN_PAD, IN_PAD], tl.float32)
    of_second = tl.zeros([HIDDEN_PAD, HIDDEN_PAD], tl.float32)
    of_third = tl.zeros([16, HIDDEN_PAD], tl.float32)
    of_1, of_2 = tl.zeros([HIDDEN_PAD], tl.float32), tl.zeros([HIDDEN_PAD], tl.float32)
    of_3 = tl.zeros([16], tl.float32)
    for tile in range(tl.program_id(0), tl.cdiv(count, BLOCK), tl.num_programs(0)):
        i = tile * BLOCK + tl.arange(0, BLOCK)
        inside = i < count
        a = _rows(x, i, x_point, x_channel, inside, IN, IN_PAD)
        h1 = tl.maximum(_dot(a, tl.trans(first), PRECISION) + bias_1, 0.0)
        h2 = tl.maximum(_dot(h1, tl.trans(second), PRECISION) + bias_2, 0.0)
        rgb = _rows(out, i, 3, 1, inside, 3, 16)
        d = _rows(dout, i, dout_point, dout_channel, inside, 3, 16) * rgb * (1.0 - rgb)
        of_third += _dot(tl.trans(d), h2, PRECISION)
        of_3 += tl.sum(d, 0)
        d2 = tl.where(h2 > 0.0, _dot(d, third, PRECISION), 0.0)
        of_second += _dot(tl.trans(d2), h1, PRECISION)
        of_2 += tl.sum(d2, 0)
        d1 = tl.where(h1 > 0.0, _dot(d2, second, PRECISION), 0.0)
        of_first += _dot(tl.trans(d1), a, PRECISION)
        of_1 += tl.sum(d1, 0)
        _put(dx, i, IN, 1, inside, _dot(d1, first, PRECISION), IN, IN_PAD)
    _add_weight(dw1, of_first, HIDDEN, IN, HIDDEN_PAD, IN_PAD)
    _add_weight(dw2, of_second, HIDDEN, HIDDEN, HIDDEN_PAD, HIDDEN_PAD)
    _add_weight(dw3, of_third, 3, HIDDEN, 16, HIDDEN_PAD)
    _add_vector(db1, of_1, HIDDEN, HIDDEN_PAD)
    _add_vector(db2, of_2, HIDDEN, HIDDEN_PAD)
    _add_vector(db3, of_3, 3, 16)
