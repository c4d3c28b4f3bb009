import numpy as np
import pytest

from o2recon.depth.floor import points_floor

UP = np.array([0.0, 0, 1])


def room(seed: int = 0) -> np.ndarray:
    """A floor at -0.2 m, a table of 1 x 1 m at 0.5 m with many points, and a few points that are wrong."""
    generator = np.random.default_rng(seed)
    floor = np.c_[generator.uniform(-2, 2, (400, 2)), generator.normal(-0.2, 0.01, 400)]
    table = np.c_[generator.uniform(-0.5, 0.5, (3000, 2)), generator.normal(0.5, 0.01, 3000)]
    wrong = generator.uniform(-2, 2, (60, 3))
    return np.concatenate([floor, table, wrong])


def test_the_floor_is_found_below_a_table_with_more_points() -> None:
    assert points_floor(room(), UP) == pytest.approx(-0.2, abs=0.01)


def test_it_turns_with_the_world() -> None:
    up = np.array([0.6, 0, 0.8])
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    assert points_floor(room() @ turn.T, up) == pytest.approx(-0.2, abs=0.01)


def test_points_that_cover_nothing_have_no_floor() -> None:
    assert points_floor(np.random.default_rng(0).uniform(-0.2, 0.2, (500, 3)), UP) is None
