"""Compiled loops that follow rays through a voxel volume. Positions and directions in voxels, distances in metres.

`no_type_check` keeps the tests' type checker from wrapping what numba must compile.
"""

from typing import no_type_check

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@_compiled
@no_type_check
def _trilinear(values, x, y, z):
    """Value at a continuous voxel position; border values outside."""
    nx, ny, nz = values.shape
    x = min(max(x, 0.0), nx - 1.0)
    y = min(max(y, 0.0), ny - 1.0)
    z = min(max(z, 0.0), nz - 1.0)
    i, j, k = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
    u, v, w = x - i, y - j, z - k
    low = (values[i, j, k] * (1 - w) + values[i, j, k + 1] * w) * (1 - v) + (
        values[i, j + 1, k] * (1 - w) + values[i, j + 1, k + 1] * w
    ) * v
    high = (values[i + 1, j, k] * (1 - w) + values[i + 1, j, k + 1] * w) * (1 - v) + (
        values[i + 1, j + 1, k] * (1 - w) + values[i + 1, j + 1, k + 1] * w
    ) * v
    return low * (1 - u) + high * u


@_compiled
@no_type_check
def first_crossings(sdf, evidence, start, steps, near, far, spacing, distance, gradient, seen):
    """Sphere tracing: fills `distance` (0 = miss), `gradient` of the sdf and `seen` (evidence) at each ray's first
    crossing from outside to inside, placed by linear interpolation between the samples around it.

    Steps are 0.9 of the signed distance and at least 0.35 voxels, so what is thinner than that may be missed.
    """
    for n in range(steps.shape[0]):
        t, last_t, last = near[n], near[n], spacing
        while t < far[n]:
            x, y, z = start[0] + t * steps[n, 0], start[1] + t * steps[n, 1], start[2] + t * steps[n, 2]
            value = _trilinear(sdf, x, y, z)
            if value <= 0:
                t = last_t + (t - last_t) * last / max(last - value, 1e-9)
                x, y, z = start[0] + t * steps[n, 0], start[1] + t * steps[n, 1], start[2] + t * steps[n, 2]
                distance[n] = t
                gradient[n, 0] = _trilinear(sdf, x + 1, y, z) - _trilinear(sdf, x - 1, y, z)
                gradient[n, 1] = _trilinear(sdf, x, y + 1, z) - _trilinear(sdf, x, y - 1, z)
                gradient[n, 2] = _trilinear(sdf, x, y, z + 1) - _trilinear(sdf, x, y, z - 1)
                seen[n] = _trilinear(evidence, x, y, z)
                break
            last, last_t = value, t
            t += max(0.9 * value, 0.35 * spacing)


@_compiled
@no_type_check
def any_beyond(permitted, start, steps, near, far, stride, found):
    """Sets `found` where a ray meets a permitted voxel between `near` and `far`, sampled every `stride` metres."""
    nx, ny, nz = permitted.shape
    for n in range(steps.shape[0]):
        t = near[n]
        while t < far[n]:
            i = int(np.floor(start[0] + t * steps[n, 0] + 0.5))
            j = int(np.floor(start[1] + t * steps[n, 1] + 0.5))
            k = int(np.floor(start[2] + t * steps[n, 2] + 0.5))
            if 0 <= i < nx and 0 <= j < ny and 0 <= k < nz and permitted[i, j, k]:
                found[n] = True
                break
            t += stride
