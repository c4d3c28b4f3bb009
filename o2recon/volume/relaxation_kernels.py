"""Compiled loops of the minimal surface's primal-dual steps, for planes `first` to `last` of the grid's first axis.

All arithmetic is in single precision. Kernels release the GIL. `no_type_check` keeps the tests' type checker from
wrapping what numba must compile.
"""

from typing import no_type_check

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@_compiled
@no_type_check
def ascend(p, ahead, step, first, last):
    """The dual step: p + step grad(ahead), forward differences, projected on the unit ball. `p`: (x, y, z, 3)."""
    nx, ny, nz = ahead.shape
    one = np.float32(1)
    for i in range(first, last):
        for j in range(ny):
            for k in range(nz):
                here = ahead[i, j, k]
                a, b, c = p[i, j, k, 0], p[i, j, k, 1], p[i, j, k, 2]
                if i + 1 < nx:
                    a += step * (ahead[i + 1, j, k] - here)
                if j + 1 < ny:
                    b += step * (ahead[i, j + 1, k] - here)
                if k + 1 < nz:
                    c += step * (ahead[i, j, k + 1] - here)
                length = max(np.sqrt(a * a + b * b + c * c), one)
                p[i, j, k, 0], p[i, j, k, 1], p[i, j, k, 2] = a / length, b / length, c / length


@_compiled
@no_type_check
def descend(u, ahead, p, cost, lower, upper, step, first, last):
    """The primal step: u + step (div p - cost), kept in [lower, upper], and its extrapolation in `ahead`."""
    ny, nz = u.shape[1:]
    for i in range(first, last):
        for j in range(ny):
            for k in range(nz):
                divergence = p[i, j, k, 0] + p[i, j, k, 1] + p[i, j, k, 2]
                if i > 0:
                    divergence -= p[i - 1, j, k, 0]
                if j > 0:
                    divergence -= p[i, j - 1, k, 1]
                if k > 0:
                    divergence -= p[i, j, k - 1, 2]
                old = u[i, j, k]
                new = min(max(old + step * (divergence - cost[i, j, k]), lower[i, j, k]), upper[i, j, k])
                ahead[i, j, k] = np.float32(2) * new - old
                u[i, j, k] = new
