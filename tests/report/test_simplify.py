import numpy as np
import trimesh
from made_up_study import shape

from o2recon.report.simplify import cluster_mean, simplify


def test_a_small_mesh_comes_back_as_it_is() -> None:
    ball = shape("ball")
    small = simplify(np.asarray(ball.vertices), np.asarray(ball.faces), len(ball.faces))
    assert np.array_equal(small.vertices, ball.vertices) and np.array_equal(small.faces, ball.faces)


def test_the_count_holds_and_a_ball_stays_a_ball() -> None:
    ball = shape("ball")
    small = simplify(np.asarray(ball.vertices), np.asarray(ball.faces), 1500)
    radius = np.linalg.norm(small.vertices - [2, 1, 0.3], axis=1)
    assert 700 < len(small.faces) <= 1500
    assert np.abs(radius - 0.3).max() < 0.006


def test_edges_and_corners_of_a_box_stay_where_they_are() -> None:
    box = shape("box", fine=0.012)
    small = simplify(np.asarray(box.vertices), np.asarray(box.faces), 2000)
    mesh = trimesh.Trimesh(small.vertices, small.faces, process=False)
    assert np.abs(mesh.bounds - box.bounds).max() < 0.002
    assert abs(mesh.volume / box.volume - 1) < 0.01


def test_values_follow_their_vertices() -> None:
    ball = shape("ball")
    small = simplify(np.asarray(ball.vertices), np.asarray(ball.faces), 1500)
    moved = cluster_mean(np.asarray(ball.vertices), small.cluster)
    assert np.abs(moved - small.vertices).max() < 0.02
