import numpy as np

from o2recon.depth.sparse import neighbors, seen_points
from o2recon.types import Camera

CAMERA = Camera(np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]), 100, 80)


def test_points_behind_others_are_not_seen() -> None:
    """A dense wall 1 m away covers the left half; another one stands 2 m away everywhere."""
    u, v = np.meshgrid(np.linspace(-0.45, 0.0, 40), np.linspace(-0.35, 0.35, 40))
    near = np.stack([u.ravel(), v.ravel(), np.ones(u.size)], -1)
    u, v = np.meshgrid(np.linspace(-0.9, 0.9, 40), np.linspace(-0.7, 0.7, 40))
    far = np.stack([u.ravel(), v.ravel(), np.full(u.size, 2.0)], -1)
    found = seen_points(np.concatenate([near, far, -far]), CAMERA, np.eye(4), cell_px=6)
    left = found.pixels[:, 0] < 45
    np.testing.assert_allclose(found.z[left], 1)
    assert (found.z[found.pixels[:, 0] > 60] == 2).all() and (~left).sum() > 500


def test_neighbours_look_the_same_way_from_elsewhere() -> None:
    poses = {i: np.eye(4) for i in range(6)}
    for i in range(6):
        poses[i][0, 3] = 0.04 * i
    poses[5][:3, :3] = np.diag([-1.0, 1, -1])  # looks back
    assert neighbors(0, poses, count=3, max_angle=40.0, min_baseline=0.08) == [2, 4]
    assert neighbors(0, poses, count=1, max_angle=40.0, min_baseline=0.0) == [1]
