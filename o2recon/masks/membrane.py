"""Smooth completion of images: a membrane stretched over the gap from what surrounds it."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.linalg import spsolve


def harmonic_fill(
    values: Float[np.ndarray, "height width channels"],
    known: Bool[np.ndarray, "height width"],
    gap: Bool[np.ndarray, "height width"],
) -> Float[np.ndarray, "height width channels"]:
    """`values` with the pixels of `gap` replaced by the solution of Laplace's equation.

    Known 4-neighbours are fixed, every other neighbour is as if it were not there (no flow across it). Parts of the gap
    that touch nothing known keep their value.
    """
    rows, columns = np.nonzero(gap)
    if rows.size == 0:
        return values.copy()
    index = np.full((gap.shape[0] + 2, gap.shape[1] + 2), -1)
    index[rows + 1, columns + 1] = np.arange(rows.size)
    fixed = np.pad(known & ~gap, 1)
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0))).astype(float)
    degree = np.full(rows.size, 1e-9)
    right = 1e-9 * values[rows, columns].astype(float)
    pairs = []
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        r, c = rows + 1 + down, columns + 1 + across
        neighbour = index[r, c]
        inner = neighbour >= 0
        pairs.append((np.nonzero(inner)[0], neighbour[inner]))
        right += np.where(fixed[r, c][:, None], padded[r, c], 0)
        degree += inner | fixed[r, c]
    i, j = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
    matrix = sparse.diags(degree) - sparse.coo_matrix((np.ones(i.size), (i, j)), shape=(rows.size, rows.size))
    solution = np.asarray(spsolve(matrix.tocsc(), right, permc_spec="MMD_AT_PLUS_A")).reshape(rows.size, -1)
    filled = values.copy()
    filled[rows, columns] = solution
    return filled


def harmonic_depth(
    depth: Float[np.ndarray, "height width"],
    known: Bool[np.ndarray, "height width"],
    gap: Bool[np.ndarray, "height width"],
) -> Float[np.ndarray, "height width"]:
    """Smooth metric completion of z-depth (metres): harmonic in inverse depth, in which a plane is linear.

    So a plane seen all around a gap is continued exactly. 0 where the gap touches nothing known.
    """
    inverse = np.where(known & ~gap & (depth > 0), 1 / np.maximum(depth, 1e-6), 0).astype(float)
    filled = harmonic_fill(inverse[..., None], known & (depth > 0), gap)[..., 0]
    return np.where(filled > 1e-3, 1 / np.maximum(filled, 1e-3), 0).astype(np.float32)
