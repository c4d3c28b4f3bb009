"""The offset of colour against depth is found to a fraction of a pixel, and nothing is claimed without rims."""

import cv2
import numpy as np
import pytest

from o2recon.check.color import color_offset


def pictures(right: float, down: float, size: float = 1.0, count: int = 6) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes of other grey levels in front of a wall, somewhere else in each picture; colour moved against depth."""
    generator = np.random.default_rng(1)
    made = []
    for _ in range(count):
        color, depth = np.full((240, 320), 90, np.uint8), np.full((240, 320), 3, np.float32)
        for near in (2.4, 1.9, 1.4):
            column, row, width, height = generator.integers([10, 10, 40, 40], [220, 140, 90, 90])
            box = (slice(row, row + height), slice(column, column + width))
            color[box], depth[box] = generator.integers(0, 256), near
        shift = np.array([[size, 0, right + 160 * (1 - size)], [0, size, down + 120 * (1 - size)]])
        moved = cv2.warpAffine(color, shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)
        made.append((np.repeat(moved[..., None], 3, -1), depth))
    return made


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, 0), (0, -7), (-11, 6), (30, 20)])
def test_a_planted_offset_is_found(right: float, down: float) -> None:
    found = color_offset(pictures(right, down))
    assert found.is_tested and found.size == 1
    assert found.right == pytest.approx(right, abs=0.35) and found.down == pytest.approx(down, abs=0.35)


def test_offsets_are_in_pixels_of_the_pictures_whatever_their_size() -> None:
    large = [
        (cv2.resize(color, None, fx=2, fy=2), cv2.resize(depth, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))
        for color, depth in pictures(6, -4)
    ]
    found = color_offset(large)
    assert found.right == pytest.approx(12, abs=0.7) and found.down == pytest.approx(-8, abs=0.7)


def test_colour_of_another_size_is_found() -> None:
    found = color_offset(pictures(0, 0, size=1.1))
    assert found.is_tested and found.size == pytest.approx(1.1, abs=0.02)


def test_a_flat_wall_proves_nothing() -> None:
    assert not color_offset([(c, np.full_like(d, 2)) for c, d in pictures(5, 5)]).is_tested


def test_depth_of_other_frames_is_not_taken_for_an_offset() -> None:
    made = pictures(0, 0)
    mixed = [(color, made[(i + 1) % len(made)][1]) for i, (color, _) in enumerate(made)]
    assert not color_offset(mixed).is_tested


def test_rims_lost_in_the_sensors_shadow_are_still_found() -> None:
    """Depth is missing for three pixels on each side of every rim."""
    made = []
    for color, depth in pictures(4, 3):
        jump = cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, np.ones((4, 4), np.uint8)) > 0.1
        made.append((color, np.where(jump, np.float32(0), depth)))
    found = color_offset(made)
    assert found.is_tested and abs(found.right - 4) < 0.6 and abs(found.down - 3) < 0.6
