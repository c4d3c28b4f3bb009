"""Outlines that lie outside or inside of where depth ends are measured; masks moved aside are neither."""

import numpy as np
import pytest

from o2recon.check.outlines import outline_offset

Views = list[tuple[np.ndarray, np.ndarray]]


def views(px: int = 0, right: int = 0) -> Views:
    """Boxes before a wall, the nearest an object whose mask is `px` pixels too wide (below 0: narrow) and moved."""
    generator, made = np.random.default_rng(1), []
    for _ in range(6):
        depth, mask = np.full((240, 320), 3, np.float32), np.zeros((240, 320), np.int32)
        for near in (2.4, 1.9, 1.4):
            column, row, width, height = generator.integers([10, 10, 40, 40], [220, 140, 90, 90])
            depth[row : row + height, column : column + width] = near
            mask[:] = 0
            mask[row - px : row + height + px, column - px : column + width + px] = 1
        made.append((np.roll(mask, right, 1), depth))
    return made


@pytest.mark.parametrize("px", [-7, -5, -2, 0, 2, 5, 7])
def test_the_distance_of_outlines_from_rims_is_found(px: int) -> None:
    found = outline_offset(views(px))
    assert found.is_tested and found.outside == pytest.approx(px, abs=0.6)


def test_a_mask_beside_its_object_is_neither_wide_nor_narrow() -> None:
    assert not outline_offset(views(right=7)).is_tested


def test_ids_without_rims_near_them_prove_nothing() -> None:
    assert not outline_offset([(ids, np.full_like(depth, 2)) for ids, depth in views()]).is_tested
    assert not outline_offset([(np.zeros_like(ids), depth) for ids, depth in views()]).is_tested
