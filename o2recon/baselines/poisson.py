"""Screened Poisson surface reconstruction (Kazhdan and Hoppe 2013) on a regular grid."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

_OUTSIDE = np.float32(-0.5)


def screened_poisson(
    positions: Float[np.ndarray, "samples 3"],
    normals: Float[np.ndarray, "samples 3"],
    areas: Float[np.ndarray, "samples"],
    shape: tuple[int, int, int],
    *,
    screening: float,
    iterations: int,
    coarsest: int = 12,
) -> Float[np.ndarray, "x y z"]:
    """Indicator of the solid, about 0.5 inside and -0.5 outside; its zero level is the surface.

    Minimises sum over grid edges of (du - g)^2 + `screening` * sum over samples of area * u(sample)^2, where g spreads
    -area * normal of every sample, the gradient of the true indicator, over the edges around it. Beyond the grid u is
    -0.5. Solved coarse to fine by conjugate gradients, as in the paper: `iterations` on the finest level, twice as many
    on every coarser one.

    `positions` in voxels (the first voxel's centre is 0), `normals` unit, outward, `areas` in voxel faces. The level is
    moved so that the samples' mean is 0.
    """
    levels = [1]
    while min(shape) / levels[-1] > 2 * coarsest:
        levels.append(2 * levels[-1])
    u: np.ndarray | None = None
    for number, factor in reversed(list(enumerate(levels))):
        size = tuple(-(-n // factor) for n in shape)
        problem = _Problem((positions + 0.5) / factor - 0.5, normals, areas / factor**2, size, screening)
        start = np.zeros(size, np.float32) + _OUTSIDE if u is None else _doubled(u, size)
        u = problem.solve(start, iterations * 2**number)
    assert u is not None
    u -= np.average(problem.at_samples @ u.ravel(), weights=areas)
    for axis in range(3):  # closed inside the grid
        np.moveaxis(u, axis, 0)[[0, -1]] = _OUTSIDE
    return u


class _Problem:
    """The normal equations of one level."""

    def __init__(self, positions: np.ndarray, normals: np.ndarray, areas: np.ndarray, size, screening: float) -> None:
        self.size = size
        self.at_samples = _interpolation(positions, size)
        self.screen = csr_array(self.at_samples.multiply((screening * areas).astype(np.float32)[:, None]).T)
        self.right = np.zeros(size, np.float32)
        for axis in range(3):
            shift = np.zeros(3)
            shift[axis] = 0.5
            # edge i lies between voxels i - 1 and i; the first and last one lead out of the grid
            longer = tuple(n + (a == axis) for a, n in enumerate(size))
            spread = _interpolation(positions + shift, longer)
            g = (spread.T @ (-areas * normals[:, axis]).astype(np.float32)).reshape(longer)
            right, g = np.moveaxis(self.right, axis, 0), np.moveaxis(g, axis, 0)
            right += g[:-1] - g[1:]
            right[0] += _OUTSIDE
            right[-1] += _OUTSIDE

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """The matrix times u: Laplacian with u = 0 beyond the grid (its constant is on the right), and screening."""
        out = 6 * u
        for axis in range(3):
            a, b = np.moveaxis(out, axis, 0), np.moveaxis(u, axis, 0)
            a[1:] -= b[:-1]
            a[:-1] -= b[1:]
        out += (self.screen @ (self.at_samples @ u.ravel())).reshape(self.size)
        return out

    def solve(self, u: np.ndarray, iterations: int) -> np.ndarray:
        """Conjugate gradients from `u`; stops early at a thousandth of the right side."""
        residual = self.right - self(u)
        direction, square = residual.copy(), float(np.vdot(residual, residual))
        enough = 1e-6 * float(np.vdot(self.right, self.right))
        for _ in range(iterations):
            if square <= enough:
                break
            image = self(direction)
            step = square / float(np.vdot(direction, image))
            u += np.float32(step) * direction
            residual -= np.float32(step) * image
            square, before = float(np.vdot(residual, residual)), square
            direction *= np.float32(square / before)
            direction += residual
        return u


def _interpolation(positions: np.ndarray, size: tuple[int, ...]) -> csr_array:
    """Trilinear weights: rows are samples, columns voxels."""
    low = np.clip(np.floor(positions).astype(np.int64), 0, np.array(size) - 2)
    part = np.clip(positions - low, 0, 1).astype(np.float32)
    columns, weights = [], []
    for corner in np.ndindex(2, 2, 2):
        columns.append(np.ravel_multi_index(tuple((low + corner).T), size))
        weights.append(np.prod(np.where(corner, part, 1 - part), axis=1))
    count = len(positions)
    pointer = np.arange(0, 8 * count + 1, 8)
    return csr_array((np.stack(weights, 1).ravel(), np.stack(columns, 1).ravel(), pointer), (count, int(np.prod(size))))


def _doubled(u: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Trilinear interpolation to the next finer level."""
    padded = np.pad(u, 1, mode="edge")
    for axis in range(3):
        p = np.moveaxis(padded, axis, 0)
        fine = np.empty((2 * (len(p) - 2), *p.shape[1:]), np.float32)
        fine[0::2] = 0.75 * p[1:-1] + 0.25 * p[:-2]
        fine[1::2] = 0.75 * p[1:-1] + 0.25 * p[2:]
        padded = np.moveaxis(fine, 0, axis)
    return np.ascontiguousarray(padded[tuple(slice(0, n) for n in size)])
