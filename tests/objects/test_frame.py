"""The object frame: gravity-aligned, tight where space was seen, wide where it was not."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from o2recon.objects import ObjectBox, VisibleCloud
from o2recon.objects.cloud import without_outliers
from o2recon.objects.frame import box_of
from o2recon.transforms import grid_over, world_to_object
from o2recon.types import ObjectFrame
from o2recon.volume import frames_facing


def finder(**options: Any) -> ObjectBox:
    arguments: dict[str, Any] = {
        "cloud": partial(VisibleCloud, spacing=0.015, neighbors=16, deviations=2.0),
        "reach": 0.15,
        "reach_share": 0.25,
        "inflation": 1.05,
        "voxels": 48,
        "min_votes": 2,
        "margin": 0.01,
        "floor_slack": 0.02,
    }
    return ObjectBox(**{**arguments, **options})


def cube(yaw: float, center: tuple[float, float, float]) -> np.ndarray:
    """Points in a box of 0.6 x 0.3 x 0.4 m."""
    c, s = np.cos(yaw), np.sin(yaw)
    local = np.random.default_rng(0).uniform(-1, 1, (4000, 3)) * [0.3, 0.15, 0.2]
    return local @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + center


@pytest.mark.parametrize("yaw", [0.0, 0.3, 1.2, 2.9])
@pytest.mark.parametrize("center", [(0.0, 0.0, 0.0), (100.0, -40.0, 7.0)])
def test_box_turns_and_moves_with_its_points(yaw: float, center: tuple[float, float, float]) -> None:
    points = cube(yaw, center)
    box = box_of(points)
    assert sorted(box.half_extents) == pytest.approx([0.15, 0.2, 0.3], abs=2e-3)
    assert box.center == pytest.approx(center, abs=2e-3)
    assert np.linalg.det(box.rotation) == pytest.approx(1) and (box.rotation[:, 2] == [0, 0, 1]).all()
    long = box.rotation[:, np.argmax(box.half_extents)]
    assert abs(long[:2] @ [np.cos(yaw), np.sin(yaw)]) > 0.9999
    assert np.linalg.norm(world_to_object(box, points), axis=1).max() <= 1 + 1e-9


def around(center: np.ndarray, count: int = 12) -> list[np.ndarray]:
    """Poses in a ring that look at a point."""
    poses = []
    for angle in np.arange(count) * 2 * np.pi / count:
        eye = center + np.array([2 * np.cos(angle), 2 * np.sin(angle), 1.0])
        forward = (center - eye) / np.linalg.norm(center - eye)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, eye], 1)
        poses.append(pose)
    return poses


def test_only_the_cloud_remains_where_all_frames_saw_through(scene_of: Callable[..., Any]) -> None:
    points = cube(0.4, (0, 0, 0.5))
    poses = around(np.array([0, 0, 0.5]))
    scene = scene_of([np.zeros((100, 100), np.int32)] * 12, depth=6.0, poses=poses)
    box = finder()(scene, 1, points, 0.0)
    voxel = 2 * (0.3 + 0.15 + 0.1) / 48
    assert (np.sort(box.half_extents) < np.array([0.15, 0.2, 0.3]) * 1.05 + 2 * voxel).all()
    assert (np.abs((points - box.center) @ box.rotation) <= box.half_extents).all()


@pytest.mark.parametrize("floor", [0.0, None])
def test_all_within_reach_counts_where_nobody_looked(scene_of: Callable[..., Any], floor: float | None) -> None:
    points = cube(0.4, (0, 0, 0.5))
    away = np.eye(4)
    away[:3, 3] = [0, 0, 50]
    box = finder()(scene_of([np.zeros((100, 100), np.int32)] * 3, depth=6.0, poses=[away] * 3), 1, points, floor)
    reach = 0.25 * np.linalg.norm([0.6, 0.3, 0.4])
    low, high = box.center[2] - box.half_extents[2], box.center[2] + box.half_extents[2]
    assert high > 0.7 + reach - 0.02
    assert low == pytest.approx(-0.02) if floor is not None else low < 0.3 - reach + 0.02
    assert (np.sort(box.half_extents[:2]) > np.array([0.15, 0.3]) + reach - 0.02).all()


def test_only_frames_whose_image_meets_the_region_are_read(scene_of: Callable[..., Any]) -> None:
    behind, beside = np.eye(4), np.eye(4)
    behind[:3, 3] = [0, 0, 4]
    beside[:3, 3] = [5, 0, 0]
    scene = scene_of([np.zeros((100, 100), np.int32)] * 3, poses=[np.eye(4), behind, beside])
    box = ObjectFrame(np.array([0.0, 0, 2]), np.eye(3), np.full(3, 0.5))
    assert frames_facing(scene, grid_over(box, 0.05)) == [0]


def test_cloud_leaves_out_borders_edges_and_outliers(scene_of: Callable[..., Any]) -> None:
    ids = np.zeros((100, 100), np.int32)
    ids[20:80, 20:80] = 1
    scene = scene_of([ids] * 4, depth=2.0)
    cloud = VisibleCloud(object_id=1, spacing=0.015, neighbors=16, deviations=2.0)
    for frame in scene.frames():
        frame.depth[20:80, 60:80] = 3.0
        cloud.add(frame)
    points = cloud.points()
    assert set(np.unique(points[:, 2].round(3))) == {2.0, 3.0}
    assert points[:, 0].min() > (21 - 50) / 120 * 2 - 0.001
    gap = (points[:, 0] / points[:, 2] * 120 + 50).round(1)
    assert not ((gap > 59) & (gap < 61)).any()
    far = np.concatenate([points, [[0.0, 0.0, 9.0]]])
    assert without_outliers(far, neighbors=16, deviations=2.0)[:, 2].max() < 4
    empty = VisibleCloud(object_id=7, spacing=0.015, neighbors=16, deviations=2.0)
    with pytest.raises(ValueError, match="object 7 has no pixel with depth"):
        empty.points()
