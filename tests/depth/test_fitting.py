import numpy as np
import pytest

from o2recon.depth import Fitter
from o2recon.depth.sparse import SparseDepth


def surface() -> np.ndarray:
    v, u = np.mgrid[0:60, 0:80] / 40
    return (1.5 + 0.4 * np.sin(2 * u) + 0.3 * v).astype(np.float32)


def seen(depth: np.ndarray, count: int, *, wrong: float = 0.0, seed: int = 0) -> SparseDepth:
    """z at random pixels; a share of them lies anywhere behind."""
    generator = np.random.default_rng(seed)
    column, row = generator.integers(0, depth.shape[1], count), generator.integers(0, depth.shape[0], count)
    z = depth[row, column].astype(float)
    behind = generator.random(count) < wrong
    z[behind] += generator.uniform(0.3, 3, behind.sum())
    return SparseDepth(np.stack([column, row], -1) + 0.5, z)


def fitter(**options: float) -> Fitter:
    given = {"min_points": 12, "min_inliers": 0.3, "local_share": 0.0, "local_weight": 3.0, "seed": 0} | options
    return Fitter(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("convention", ["inverse", "affine"])
@pytest.mark.parametrize("wrong", [0.0, 0.5])
def test_scale_and_shift_are_found_though_half_of_the_points_are_wrong(convention: str, wrong: float) -> None:
    depth = surface()
    relative = 3.7 / depth - 0.4 if convention == "inverse" else 0.3 * depth - 0.1
    fit = fitter()(relative, seen(depth, 100, wrong=wrong), convention=convention)
    assert fit is not None
    np.testing.assert_allclose(fit.depth(relative), depth, rtol=1e-3 if wrong == 0 else 0.02)


def test_what_is_smoothly_wrong_is_taken_out_at_the_points() -> None:
    depth = surface()
    u = np.arange(80)[None] / 80
    relative = 2.0 * (1 + 0.06 * np.sin(5 * u)) / depth + 0.3
    known = seen(depth, 400)
    plain, local = (fitter(local_share=s)(relative, known, convention="inverse") for s in (0.0, 0.15))
    assert plain is not None and local is not None
    errors = [np.median(np.abs(f.depth(relative) / depth - 1)) for f in (plain, local)]
    assert errors[1] < 0.4 * errors[0]


def test_swapped_near_and_far_or_too_few_points_fit_nothing() -> None:
    depth = surface()
    assert fitter()(depth, seen(depth, 100), convention="inverse") is None
    assert fitter()(1 / depth, seen(depth, 11), convention="inverse") is None
    noise = np.random.default_rng(0).random(depth.shape).astype(np.float32)
    assert fitter(min_inliers=0.5)(noise, seen(10 * noise + 1 + depth, 100, wrong=1.0), convention="inverse") is None
