"""The tree behind nearest neighbours, against scipy's and against all pairs."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from o2recon.evaluate import nearest, nearest_both, sample_surface
from o2recon.evaluate.tree import build_tree

RANDOM = np.random.default_rng(3)
CLOUDS = {
    "cube": RANDOM.random((700, 3)),
    "ball": sample_surface(trimesh.creation.icosphere(radius=0.5), count=3001, seed=0).points,
    "far away": RANDOM.random((400, 3)) + [30, 0, -7],
    "plane": RANDOM.random((500, 3)) * [1, 1, 0],
    "line": RANDOM.random((90, 3)) * [0, 1, 0],
    "lattice": np.stack(np.meshgrid(*[np.arange(9.0)] * 3), -1).reshape(-1, 3),
    "one place": np.ones((300, 3)),
    "one point": np.zeros((1, 3)),
    "dense and sparse": np.concatenate([RANDOM.normal(size=(2000, 3)) * 1e-4, RANDOM.normal(size=(20, 3))]),
}


@pytest.mark.parametrize("a", CLOUDS)
def test_distances_are_those_of_an_independent_tree(a):
    for b in CLOUDS.values():
        to_b, to_a = nearest_both(CLOUDS[a], b)
        np.testing.assert_allclose(to_b.distance, cKDTree(b).query(CLOUDS[a])[0], atol=1e-14)
        np.testing.assert_allclose(to_a.distance, cKDTree(CLOUDS[a]).query(b)[0], atol=1e-14)
        np.testing.assert_allclose(to_b.distance, np.linalg.norm(CLOUDS[a] - b[to_b.index], axis=1), atol=1e-14)


def test_one_direction_alone_is_the_same():
    found = nearest(CLOUDS["cube"], CLOUDS["ball"])
    np.testing.assert_array_equal(found.index, nearest_both(CLOUDS["cube"], CLOUDS["ball"])[0].index)


def test_every_box_holds_what_is_below_it():
    tree = build_tree(CLOUDS["ball"])
    for node in range(tree.leaves - 1):
        for child in (2 * node + 1, 2 * node + 2):
            assert (tree.boxes[node, :3] <= tree.boxes[child, :3]).all()
            assert (tree.boxes[node, 3:] >= tree.boxes[child, 3:]).all()
    np.testing.assert_array_equal(np.sort(tree.order), np.arange(len(CLOUDS["ball"])))
    np.testing.assert_array_equal(tree.rows, CLOUDS["ball"][tree.order])


def test_nothing_and_nan_are_errors():
    with pytest.raises(ValueError, match="0 points"):
        nearest(np.zeros((0, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="not finite"):
        nearest(np.zeros((2, 3)), np.full((2, 3), np.nan))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_200k_points_both_ways_take_half_a_second(shift, shared_data):
    """On 4 calm cores. Measured: 0.25 s of processor time over all cores."""
    import time

    mesh = trimesh.load(shared_data / "room_dining" / "groundtruth" / "1.ply", process=False)
    a, b = (sample_surface(mesh, count=200_000, seed=seed).points for seed in (0, 1))
    took = []
    for _ in range(5):
        start = time.perf_counter()
        nearest_both(a + [shift, 0, 0], b)
        took.append(time.perf_counter() - start)
    assert sorted(took)[2] < 0.5
