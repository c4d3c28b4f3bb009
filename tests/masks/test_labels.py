import numpy as np
import pytest

from o2recon.masks import dilate, erode, pixel_labels, wide_gaps


def flat(size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    instance = np.zeros((size, size), int)
    instance[:, 20:] = 3
    return instance, np.where(instance == 3, 2.0, 1.0).astype(np.float32)


def test_labels_are_exclusive_and_cover_the_image() -> None:
    instance, depth = flat()
    depth[5:20, 2:18] = 0
    depth[30, :] = 0
    labels = pixel_labels(instance, depth, 3, dropout_px=5)
    total = labels.visible.astype(int) + labels.other + labels.unknown
    assert (total == 1).all()


def test_wide_gap_is_unknown_and_thin_dropout_takes_its_surroundings() -> None:
    instance, depth = flat()
    depth[5:20, 2:15] = 0
    depth[30:32, :10] = 0
    labels = pixel_labels(instance, depth, 3, dropout_px=5)
    assert labels.unknown[5:20, 2:15].all()
    assert labels.other[30:32, :10].all()
    np.testing.assert_allclose(labels.depth[30:32, :10], 1.0)


def test_dropout_inside_the_object_is_visible_and_at_its_border_unknown() -> None:
    instance, depth = flat()
    instance[10:12, 30:33] = 0
    depth[10:12, 30:33] = 0
    instance[25, 19:22] = 0
    depth[25, 19:22] = 0
    labels = pixel_labels(instance, depth, 3, dropout_px=5)
    assert labels.visible[10:12, 30:33].all()
    assert labels.unknown[25, 19:22].all()


def test_band_at_the_image_border_is_a_wide_gap() -> None:
    invalid = np.zeros((40, 40), bool)
    invalid[:, :6] = True
    invalid[20, 20:22] = True
    wide = wide_gaps(invalid, dropout_px=5)
    assert wide[:, :6].all() and not wide[20, 20:22].any()


def test_thin_dropout_is_judged_by_the_farthest_surface_nearby() -> None:
    instance = np.zeros((20, 20), int)
    depth = np.full((20, 20), 1.0, np.float32)
    depth[:, 10:] = 3.0
    depth[:, 9:11] = 0
    labels = pixel_labels(instance, depth, 3, dropout_px=5)
    np.testing.assert_allclose(labels.depth[:, 9:11], 3.0)


@pytest.mark.parametrize("radius", [1, 4, 9, 30])
def test_dilation_is_by_a_disc_and_erosion_is_that_of_the_outside(radius: int) -> None:
    mask = np.zeros((101, 121), bool)
    mask[50, 60] = True
    row, column = np.mgrid[:101, :121]
    distance = np.hypot(row - 50, column - 60)
    grown = dilate(mask, radius)
    assert grown[distance <= 0.9 * radius].all() and not grown[distance > 1.1 * radius + 0.5].any()
    np.testing.assert_array_equal(erode(~mask, radius), ~grown)
    assert erode(np.ones_like(mask), radius).all() and not dilate(np.zeros_like(mask), radius).any()
