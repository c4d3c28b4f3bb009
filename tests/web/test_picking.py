"""A click on points: the first one on the ray, and a box around what stands apart there."""

import numpy as np
import pytest

from o2recon.web.boxes import DrawnBox
from o2recon.web.picking import FIRST_SIZE, box_around, hit

STOOL = DrawnBox(1, "", (1.0, 0.5, 0.25), (0.4, 0.8, 0.5), 25.0)


def sides(box: DrawnBox, count: int = 20_000) -> np.ndarray:
    """Points on the surface of a box."""
    generator = np.random.default_rng(0)
    local = generator.uniform(-0.5, 0.5, (count, 3))
    local[np.arange(count), generator.integers(0, 3, count)] = generator.choice([-0.5, 0.5], count)
    return local * box.size @ box.rotation.T + box.center


def room(*boxes: DrawnBox) -> np.ndarray:
    """Boxes on a floor of 5 m, with a wall 2.4 m high at y = 1.05, a few millimetres of noise."""
    generator = np.random.default_rng(1)
    floor = generator.uniform([-2.5, -2.5, 0], [2.5, 1.05, 0], (60_000, 3))
    wall = generator.uniform([-2.5, 1.05, 0], [2.5, 1.05, 2.4], (60_000, 3))
    points = np.concatenate([floor, wall, *map(sides, boxes)])
    return points + generator.normal(0, 0.002, points.shape)


def test_a_ray_hits_the_first_point_on_it() -> None:
    points = np.array([[0.0, 0, 5], [0.0, 0, 2], [0.3, 0, 1], [0.0, 0, -1]])
    found = hit(points, np.zeros(3), np.array([0.0, 0, 3]))
    assert found is not None
    np.testing.assert_allclose(found, [0, 0, 2])
    assert hit(points, np.zeros(3), np.array([1.0, 0, 0])) is None


@pytest.mark.parametrize("at", [(1.0, 0.5, 0.5), (1.05, 0.62, 0.5)])
def test_a_click_puts_a_box_around_what_stands_apart(at: tuple[float, float, float]) -> None:
    center, size, yaw = box_around(room(STOOL), np.array(at), floor=0.0)
    assert yaw == pytest.approx(25, abs=2)
    np.testing.assert_allclose(center[:2], STOOL.center[:2], atol=0.01)
    np.testing.assert_allclose(size, [0.44, 0.84, 0.52], atol=0.03)
    assert center[2] - size[2] / 2 == 0.0


def test_stray_points_above_and_below_change_nothing() -> None:
    """Sparse points of photographs lie thousands of metres off."""
    clean, at = room(STOOL), np.array([1.0, 0.5, 0.5])
    stray = np.concatenate([clean, [[1.0, 0.5, 1e5], [1.1, 0.5, -1e5]]])
    for one, other in zip(box_around(stray, at, floor=0.0), box_around(clean, at, floor=0.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_touches_the_wall_does_not_take_it_in() -> None:
    against = DrawnBox(1, "", (0.0, 0.80, 0.4), (0.6, 0.5, 0.8), 0.0)
    center, size, _ = box_around(room(against), np.array([0.0, 0.6, 0.8]), floor=0.0)
    np.testing.assert_allclose(center[:2], against.center[:2], atol=0.1)
    np.testing.assert_allclose(size, [0.64, 0.4, 0.82], atol=0.12)


@pytest.mark.parametrize("floor", [0.0, None])
def test_where_nothing_stands_apart_a_box_stands_on_the_floor(floor: float | None) -> None:
    center, size, yaw = box_around(room(), np.array([-1.0, 0.0, 0.0]), floor=floor)
    assert tuple(size) == FIRST_SIZE and yaw == 0 and tuple(center[:2]) == (-1, 0)
    assert center[2] == (0.45 if floor == 0 else 0)
    few = box_around(np.zeros((0, 3)), np.array([1.0, 1.0, 0.2]), floor=floor)
    assert tuple(few[1]) == FIRST_SIZE
