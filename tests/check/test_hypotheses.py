"""The hypotheses are all that they should be, each once."""

import numpy as np

from o2recon.check.hypotheses import READINGS, axes, given, posed, recentered, scaled
from o2recon.check.views import Views
from o2recon.types import Camera

CAMERA = Camera(np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]]), 160, 120)


def some_views() -> Views:
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = q * np.linalg.det(q), [1, 2, 3]
    return Views((0,), CAMERA, np.ones((1, 120, 160)), pose[None], {}, np.zeros((0, 2), int), ())


def test_all_signed_permutations_of_the_axes_come_once_and_opencvs_first() -> None:
    found = list(axes())
    assert len({names for names, _ in found}) == 48 and found[0][0] == ("x", "y", "z")
    for (right, _, _), matrix in found:
        np.testing.assert_array_equal(matrix.T @ matrix, np.eye(4))
        column = matrix[:3, 0]
        assert column["xyz".index(right[-1])] == (-1 if right.startswith("-") else 1)


def test_every_reading_recovers_the_pose_from_what_was_written() -> None:
    pose = some_views().poses[0]
    inverse = np.linalg.inv(pose)
    written = {name: pose.copy() for name in READINGS}
    written["inverted"] = inverse
    written["transposed_rotation"][:3, :3] = inverse[:3, :3]
    written["mixed"][:3, 3] = inverse[:3, 3]
    for name, reading in READINGS.items():
        np.testing.assert_allclose(reading(written[name][None])[0], pose, atol=1e-12, err_msg=name)


def test_single_mistakes_rank_before_several_and_before_mirrored_ones() -> None:
    ranks = {(m.values["reading"], m.values["axes"]): m.rank for m in posed(given(some_views()))}
    assert len(ranks) == 48 * 4 - 1
    assert ranks["inverted", ("x", "y", "z")] == ranks["same", ("x", "-y", "-z")] == 2
    assert ranks["inverted", ("x", "-y", "-z")] == 3 and ranks["same", ("-x", "y", "z")] == 4


def test_scaling_a_pose_mistake_keeps_what_is_known_of_it() -> None:
    inverted = next(m for m in posed(given(some_views())) if m.name == "inverted_pose")
    (both,) = scaled(inverted, np.array([10.0]))
    assert both.name == "inverted_pose_and_depth_scale" and both.rank > inverted.rank
    assert both.values["reading"] == "inverted" and both.factor == 10


def test_principal_points_are_tried_on_a_grid_around_the_given_one() -> None:
    tried = [
        m.hypothesis.camera.intrinsics[:2, 2] for m in recentered(given(some_views()), (0.0, 0.0), reach=0.1, steps=2)
    ]
    assert len(tried) == 25
    np.testing.assert_allclose(np.mean(tried, 0), [80, 60])
    np.testing.assert_allclose(np.ptp(tried, axis=0), [32, 32])
