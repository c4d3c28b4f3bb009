"""View choice: spread over the camera path, best of each neighbourhood."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from o2recon.objects import AreaSharpness, Views
from o2recon.objects.views import kmeans, pose_features
from o2recon.types import Camera, Frame

CAMERA = Camera(np.array([[120.0, 0, 50], [0, 120, 50], [0, 0, 1]]), 100, 100)


def views(**options: float) -> Views:
    arguments = {"min_views": 20, "max_views": 40, "frames_per_view": 10.0, "held_out_every": 8, "seed": 0}
    return Views(score=AreaSharpness(margin=0.05, border_penalty=0.5), **{**arguments, **options})  # type: ignore[arg-type]


def path(count: int) -> dict[int, np.ndarray]:
    poses = {}
    for i in range(count):
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_euler("zx", [360 * i / count, 30], degrees=True).as_matrix()
        pose[:3, 3] = [np.cos(2 * np.pi * i / count), np.sin(2 * np.pi * i / count), 1]
        poses[i * 3] = pose
    return poses


@pytest.mark.parametrize(("count", "expected"), [(5, 5), (20, 20), (60, 20), (300, 30), (900, 40)])
def test_number_of_views_follows_the_number_of_candidates(count: int, expected: int) -> None:
    poses = path(count)
    chosen = views().choose({i: 1.0 for i in poses}, poses)
    assert len(chosen) == expected and list(chosen) == sorted(set(chosen)) and set(chosen) <= set(poses)


def test_every_place_of_the_path_has_a_view() -> None:
    poses = path(300)
    chosen = np.array(views().choose({i: 1.0 for i in poses}, poses)) / 3
    gaps = np.diff(np.concatenate([chosen, [chosen[0] + 300]]))
    assert gaps.max() <= 30


def test_the_best_view_of_each_place_is_taken() -> None:
    poses = {i: np.eye(4) for i in range(30)}
    for i in poses:
        poses[i][0, 3] = 10.0 * (i % 3) + 0.001 * i
    best = {7, 8, 9}
    scores = {i: 2.0 if i in best else 1.0 for i in poses}
    assert set(views(min_views=3, max_views=3).choose(scores, poses)) == best


def test_the_choice_depends_neither_on_order_nor_on_run() -> None:
    poses = path(100)
    scores = {i: float(i % 7) for i in poses}
    turned = dict(reversed(scores.items()))
    assert views().choose(scores, poses) == views().choose(turned, poses)


def test_every_eighth_view_is_held_out() -> None:
    assert views().held_out(tuple(range(100, 124))) == {104, 112, 120}
    assert len(views().held_out(tuple(range(5)))) == 1


def test_near_rotations_have_near_features_on_both_sides_of_half_a_turn() -> None:
    poses = np.tile(np.eye(4), (9, 1, 1))
    poses[:, :3, :3] = Rotation.from_euler("z", np.arange(176, 185)[:, None], degrees=True).as_matrix()
    assert np.linalg.norm(np.diff(pose_features(poses), axis=0), axis=1).max() < 0.01


def test_kmeans_finds_separated_clusters_and_survives_equal_points() -> None:
    generator = np.random.default_rng(0)
    points = np.concatenate([generator.normal(c, 0.1, (20, 2)) for c in ((0, 0), (5, 0), (0, 5))])
    cluster = kmeans(points, 3, seed=0)
    assert all(len(np.unique(cluster[i : i + 20])) == 1 for i in (0, 20, 40)) and len(np.unique(cluster)) == 3
    assert (kmeans(np.ones((6, 2)), 3, seed=0) == 0).all()


def _scored(color: np.ndarray, mask: np.ndarray, penalty: float = 0.5) -> float:
    empty = np.zeros(mask.shape)
    frame = Frame(0, color, empty.astype(np.float32), empty.astype(np.int32), CAMERA, np.eye(4))
    return AreaSharpness(margin=0.05, border_penalty=penalty)(frame, mask)


def test_large_sharp_and_uncut_masks_score_higher() -> None:
    color = np.random.default_rng(0).integers(0, 255, (100, 100, 3)).astype(np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    large = cv2.dilate(mask.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    cut = np.roll(mask, -40, axis=0)
    assert _scored(color, large) > 2 * _scored(color, mask)
    assert _scored(cv2.GaussianBlur(color, (0, 0), 2), mask) < 0.2 * _scored(color, mask)
    assert cut[0].any() and _scored(color, cut) < 0.9 * _scored(color, cut, penalty=0.0)
    assert _scored(color, mask) == _scored(color, mask, penalty=0.0)
    assert _scored(color, np.zeros_like(mask)) == 0


def test_bounds_are_checked() -> None:
    with pytest.raises(ValueError, match="min_views=9, max_views=4"):
        views(min_views=9, max_views=4)
