"""Which views are proposed for painting."""

import numpy as np

from o2recon.web.annotator import choose_views


def ring(*degrees: float) -> dict[int, np.ndarray]:
    """Cameras around the origin, view n at the n-th angle."""
    return {n: np.array([np.cos(np.radians(d)), np.sin(np.radians(d)), 0.0]) * 2 for n, d in enumerate(degrees)}


def chosen(areas: list[float], *degrees: float, center: float = 0.0, **options: float) -> tuple[int, ...]:
    choice = {"count": 3, "min_angle_deg": 30.0, "min_share": 0.2, **options}
    shift = np.full(3, center)
    positions = {n: p + shift for n, p in ring(*degrees).items()}
    return choose_views({n: float(a) for n, a in enumerate(areas)}, positions, shift, **choice)  # type: ignore[arg-type]


def test_the_largest_area_comes_first_and_neighbours_of_it_are_left_out() -> None:
    assert chosen([90, 100, 95, 50, 40], 0, 10, 20, 60, 120) == (1, 3, 4)


def test_directions_are_those_from_the_object_wherever_it_stands() -> None:
    assert chosen([90, 100, 95, 50, 40], 0, 10, 20, 60, 120, center=7.0) == (1, 3, 4)


def test_views_that_hide_little_are_not_proposed() -> None:
    assert chosen([100, 19, 20], 0, 90, 180) == (0, 2)
    assert chosen([100, 0, 0], 0, 90, 180, min_share=0.0) == (0,)


def test_there_are_at_most_so_many_and_at_least_one() -> None:
    assert chosen([4, 3, 2, 1], 0, 90, 180, 270, count=2) == (0, 1)
    assert chosen([0, 0], 0, 90) == (0,)
    assert chosen([]) == ()


def test_equal_areas_give_the_lower_index_whatever_the_order() -> None:
    positions = ring(0, 90, 180)
    for order in ((0, 1, 2), (2, 1, 0)):
        areas = {v: 5.0 for v in order}
        assert choose_views(areas, positions, np.zeros(3), count=2, min_angle_deg=30.0, min_share=0.2) == (0, 1)
