"""Compiled loops over the voxels of a grid as one frame sees them, for planes `first` to `last` of its first axis.

Pixels index the flattened image, -1 outside it; depths in metres. All arithmetic is in single precision. Kernels
release the GIL. `no_type_check` keeps the tests' type checker from wrapping what numba must compile.
"""

from typing import no_type_check

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@_compiled
@no_type_check
def project(x, y, z, width, height, first, last, pixel, depth):
    """Fills `pixel` and `depth`; returns the least depth inside the image, inf when there is none.

    `x`, `y`, `z`: what each index of an axis adds to (u depth, v depth, depth), three rows each.
    """
    nearest = np.float32(np.inf)
    for i in range(first, last):
        for j in range(y.shape[1]):
            a, b, c = x[0, i] + y[0, j], x[1, i] + y[1, j], x[2, i] + y[2, j]
            for k in range(z.shape[1]):
                d = c + z[2, k]
                depth[i, j, k] = d
                pixel[i, j, k] = -1
                if d > np.float32(1e-3):
                    inverse = np.float32(1) / d
                    u, v = np.floor((a + z[0, k]) * inverse), np.floor((b + z[1, k]) * inverse)
                    if u >= 0 and v >= 0 and u < width and v < height:
                        pixel[i, j, k] = int(v) * width + int(u)
                        nearest = min(nearest, d)
    return nearest


@_compiled
@no_type_check
def vote(pixel, depth, limit, surface, band, first, last, past, other):
    """Counts in `past` the voxels before `limit`, and in `other` those within `band` of `surface`, by pixel."""
    for i in range(first, last):
        for j in range(pixel.shape[1]):
            for k in range(pixel.shape[2]):
                p, d = pixel[i, j, k], depth[i, j, k]
                if p >= 0:
                    past[i, j, k] += d < limit[p]
                    other[i, j, k] += abs(d - surface[p]) < band[p]


@_compiled
@no_type_check
def fuse(pixel, depth, measured, cosine, weight, reach, truncation, first, last, weights, weighted):
    """Adds to `weights` and `weighted` one frame's distances, as Fusion defines them; the images go by pixel."""
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    for i in range(first, last):
        for j in range(pixel.shape[1]):
            for k in range(pixel.shape[2]):
                p = pixel[i, j, k]
                if p >= 0 and weight[p] > 0:
                    distance = (measured[p] - depth[i, j, k]) * cosine[p]
                    w = weight[p] * min(max((distance + reach[p]) / (half * reach[p]), zero), one)
                    weights[i, j, k] += w
                    weighted[i, j, k] += w * min(distance, truncation)
