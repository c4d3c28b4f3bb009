"""Smooth completion of images: a membrane stretched over the gap from what surrounds it."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.ndimage import label

from o2recon.masks.multigrid import solve_on_pixels

NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def harmonic_fill(
    values: Float[np.ndarray, "height width channels"],
    known: Bool[np.ndarray, "height width"],
    gap: Bool[np.ndarray, "height width"],
) -> Float[np.ndarray, "height width channels"]:
    """`values` with the pixels of `gap` replaced by the solution of Laplace's equation.

    Known 4-neighbours are fixed, every other neighbour is as if it were not there (no flow across it). Parts of the gap
    that touch nothing known keep their value.
    """
    fixed = np.pad(known & ~gap, 1)
    parts, _ = label(gap)
    held = np.unique(parts[gap & beside(fixed)])
    rows, columns = np.nonzero(np.isin(parts, held) & gap)
    if rows.size == 0:
        return values.copy()
    index = np.full(fixed.shape, -1)
    index[rows + 1, columns + 1] = np.arange(rows.size)
    padded = np.where(fixed[..., None], np.pad(values, ((1, 1), (1, 1), (0, 0))), 0).astype(float)
    degree, right, pairs = np.zeros(rows.size), np.zeros((rows.size, values.shape[-1])), []
    for down, across in NEIGHBOURS:
        r, c = rows + 1 + down, columns + 1 + across
        neighbour = index[r, c]
        inner = neighbour >= 0
        pairs.append((np.nonzero(inner)[0], neighbour[inner]))
        right += padded[r, c]
        degree += inner | fixed[r, c]
    i, j = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
    matrix = sparse.diags(degree) - sparse.coo_matrix((np.ones(i.size), (i, j)), shape=(rows.size, rows.size))
    filled = values.copy()
    filled[rows, columns] = solve_on_pixels(matrix.tocsr(), right, rows, columns)
    return filled


def beside(padded: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "height width"]:
    """Pixels with a 4-neighbour in a mask that is one pixel wider than the image on each side."""
    return padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


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
