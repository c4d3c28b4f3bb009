import numpy as np
import pytest
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import spsolve

from o2recon.masks import multigrid
from o2recon.masks.multigrid import solve_on_pixels


def laplacian(mask: np.ndarray, held: np.ndarray) -> sparse.csr_matrix:
    """Of the pixels of a mask; those of `held` are tied to a fixed value besides."""
    index = np.full(mask.shape, -1)
    index[mask] = np.arange(mask.sum())
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    i, j = (np.concatenate([p[k][(p[0] >= 0) & (p[1] >= 0)] for p in pairs]) for k in (0, 1))
    links = sparse.coo_matrix((np.ones(len(i)), (i, j)), shape=(mask.sum(),) * 2)
    links = links + links.T
    return (sparse.diags(np.asarray(links.sum(1)).ravel() + held[mask]) - links).tocsr()


@pytest.mark.parametrize("size", [8, 40, 150])
def test_solution_is_that_of_a_direct_solver(size: int) -> None:
    rng = np.random.default_rng(size)
    mask = gaussian_filter(rng.standard_normal((size, size + 9)), 2) > -0.02
    held = rng.random(mask.shape) > 0.7
    rows, columns = np.nonzero(mask)
    right = rng.standard_normal((len(rows), 2))
    matrix = laplacian(mask, held) + 1e-3 * sparse.identity(len(rows), format="csr")
    found = solve_on_pixels(matrix, right, rows, columns)
    np.testing.assert_allclose(found, spsolve(matrix.tocsc(), right), rtol=1e-4, atol=1e-5)


def test_number_of_steps_hardly_grows_with_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multigrid, "MAX_ITERATIONS", 25)
    for size in (50, 300):
        mask = np.ones((size, size), bool)
        border = np.pad(np.zeros((size - 2, size - 2)), 1, constant_values=1.0)
        rows, columns = np.nonzero(mask)
        right = (border * np.linspace(1, 2, size))[mask][:, None]
        found = solve_on_pixels(laplacian(mask, border), right, rows, columns)
        assert found.min() > 0.99 and found.max() < 2.01
