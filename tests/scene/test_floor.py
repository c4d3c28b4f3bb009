"""The floor: the lowest large horizontal plane."""

from dataclasses import replace

import numpy as np
import pytest

from o2recon.scene import floor_height
from o2recon.types import Camera, Frame

CAMERA = Camera(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]), 160, 120)
UP = np.array([0.0, 0.0, 1.0])


def looking_down(depth: np.ndarray, height: float, x: float = 0.0) -> Frame:
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0])
    pose[:3, 3] = [x, 0, height]
    empty = np.zeros(depth.shape, np.int32)
    return Frame(0, np.zeros((*depth.shape, 3), np.uint8), depth.astype(np.float32), empty, CAMERA, pose)


def noisy(depth: float) -> np.ndarray:
    return np.random.default_rng(0).normal(depth, 0.005, (120, 160))


@pytest.mark.parametrize("base", [0.0, -1.37, 52.0])
def test_floor_below_a_larger_table_wherever_the_origin_is(base: float) -> None:
    table = [looking_down(noisy(1.25), base + 2, x) for x in (0, 1, 2, 3)]
    floor = looking_down(noisy(2.0), base + 2, -3)
    height = floor_height([*table, floor], UP)
    assert height is not None and abs(height - base) < 0.003


def test_a_few_points_below_the_floor_are_not_it() -> None:
    depth = noisy(2.0)
    depth[:16, :16] = 2.6
    height = floor_height([looking_down(depth, 2.0)], UP)
    assert height is not None and abs(height) < 0.003


def test_no_floor_without_depth_or_plane() -> None:
    assert floor_height([], UP) is None
    assert floor_height([looking_down(np.zeros((120, 160)), 2.0)], UP) is None
    wall = looking_down(noisy(2.0), 2.0)
    assert floor_height([wall], np.array([1.0, 0.0, 0.0])) is None


def test_an_object_alone_in_the_depth_is_no_floor() -> None:
    table = [replace(looking_down(noisy(1.25), 2, x), instance=np.full((120, 160), 4, np.int32)) for x in (0, 1, 2)]
    assert floor_height(table, UP) == pytest.approx(0.75, abs=0.003)
    assert floor_height(table, UP, but=4) is None
    assert floor_height([*table, looking_down(noisy(2.0), 2, -3)], UP, but=4) == pytest.approx(0, abs=0.003)
