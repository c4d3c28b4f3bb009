from pathlib import Path

import numpy as np
import pytest

from o2recon.inpaint import Classical, Request, nearest_color


def picture() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red object, half of it under a green occluder, on blue."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:] = (0, 0, 255)
    image[10:30, 10:30] = (200, 30, 30)
    image[5:35, 30:50] = (0, 255, 0)
    known, mask = np.zeros((40, 60), bool), np.zeros((40, 60), bool)
    known[10:30, 10:30] = True
    mask[10:30, 30:45] = True
    return image, mask, known


def paint(algorithm: str, image: np.ndarray, mask: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    painter = Classical(algorithm=algorithm, radius_px=3, confidence=0.3)
    request = Request(image, mask, np.zeros_like(mask), known, "a box", 0)
    painted = painter([request], cache=Path("unused"))[0]
    return painted.image, painted.confidence


@pytest.mark.parametrize("algorithm", ["telea", "navier_stokes"])
def test_hidden_part_takes_the_objects_colour_and_nothing_else_changes(algorithm: str) -> None:
    image, mask, known = picture()
    painted, confidence = paint(algorithm, image, mask, known)
    assert np.abs(painted[mask].astype(int) - (200, 30, 30)).max() <= 6
    np.testing.assert_array_equal(painted[~mask], image[~mask])
    assert np.allclose(confidence[mask], 0.3) and not confidence[~mask].any()


def test_without_a_known_pixel_nothing_is_claimed() -> None:
    image, mask, known = picture()
    painted, confidence = paint("telea", image, mask, np.zeros_like(known))
    np.testing.assert_array_equal(painted, image)
    assert not confidence.any()


def test_a_draft_of_other_views_stays_and_counts_as_the_objects_colour() -> None:
    image, mask, known = picture()
    drafted = mask & (np.arange(60) >= 38)
    image[drafted] = (200, 30, 30)
    request = Request(image, mask & ~drafted, drafted, np.zeros_like(known), "a box", 0)
    painted = Classical(algorithm="telea", radius_px=3, confidence=0.3)([request], cache=Path("unused"))[0]
    np.testing.assert_array_equal(painted.image[drafted], image[drafted])
    assert np.abs(painted.image[mask].astype(int) - (200, 30, 30)).max() <= 6
    np.testing.assert_array_equal(painted.confidence > 0, mask)


def test_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of telea, navier_stokes"):
        Classical(algorithm="magic", radius_px=3, confidence=0.3)


def test_nearest_colour_is_that_of_the_nearest_source_pixel() -> None:
    image = np.zeros((5, 20, 3), np.uint8)
    image[:, 3], image[:, 16] = 10, 20
    source = np.zeros((5, 20), bool)
    source[:, [3, 16]] = True
    filled = nearest_color(image, source)[2, :, 0]
    np.testing.assert_array_equal(filled, np.where(np.arange(20) < 9.5, 10, 20))
