"""Laplace's equation on some pixels of an image, in time proportional to their number."""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

COARSEST = 400
"""Unknowns that are solved for directly."""
DAMPING = 0.7
OVERCORRECTION = 1.8
"""Coarse values that are constant over their pixels are too stiff by about 2 (Braess 1995, 'Towards algebraic multigrid
for elliptic problems of second order')."""
TOLERANCE = 1e-8
MAX_ITERATIONS = 300


def solve_on_pixels(
    matrix: sparse.csr_matrix,
    right: Float[np.ndarray, "pixels channels"],
    rows: Int[np.ndarray, "pixels"],
    columns: Int[np.ndarray, "pixels"],
) -> Float[np.ndarray, "pixels channels"]:
    """x of matrix @ x = right to a residual of TOLERANCE: conjugate gradients, each step a multigrid V-cycle.

    `matrix` is symmetric and positive definite and couples neighbouring pixels, which lie at `rows`, `columns`.
    """
    cycle = _Cycle(matrix, rows, columns)
    inverse = LinearOperator(matrix.shape, matvec=cycle, dtype=float)
    solution = np.empty(right.shape)
    for channel in range(right.shape[1]):
        solution[:, channel], failed = cg(matrix, right[:, channel], rtol=TOLERANCE, maxiter=MAX_ITERATIONS, M=inverse)
        assert not failed, f"{failed} iterations do not solve for {len(rows)} pixels"
    return solution


class _Cycle:
    """An approximate inverse of the matrix: each coarser level sums 2 x 2 pixels."""

    def __init__(self, matrix: sparse.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> None:
        self._levels = []
        while matrix.shape[0] > COARSEST:
            rows, columns = rows // 2, columns // 2
            key = rows * (columns.max() + 1) + columns
            _, first, parent = np.unique(key, return_index=True, return_inverse=True)
            spread = sparse.csr_matrix((np.ones(len(parent)), (np.arange(len(parent)), parent)))
            gather = spread.T.tocsr()
            self._levels.append((matrix, DAMPING / matrix.diagonal(), spread, gather))
            matrix, rows, columns = (gather @ matrix @ spread).tocsr(), rows[first], columns[first]
        self._coarsest = splu(matrix.tocsc())

    def __call__(self, right: np.ndarray) -> np.ndarray:
        return self._visit(0, right.ravel())

    def _visit(self, level: int, right: np.ndarray) -> np.ndarray:
        """Two damped Jacobi steps, the coarser levels' correction, two more steps: symmetric, as cg needs it."""
        if level == len(self._levels):
            solution: np.ndarray = self._coarsest.solve(right)
            return solution
        matrix, step, spread, gather = self._levels[level]
        x = step * right
        x += step * (right - matrix @ x)
        x += OVERCORRECTION * (spread @ self._visit(level + 1, gather @ (right - matrix @ x)))
        for _ in range(2):
            x += step * (right - matrix @ x)
        return x
