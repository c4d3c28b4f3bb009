"""Objects stand on z = 0 in their own frame, and their poses put them back into the room."""

import numpy as np
import pytest
import trimesh

from o2recon.export import described, object_pose
from o2recon.export.placement import into
from o2recon.types import ObjectFrame


@pytest.fixture
def placed():
    box = trimesh.creation.box([0.4, 0.6, 1.0])
    turn = trimesh.transformations.rotation_matrix(0.5, [0, 0, 1], [3, 4, 0])
    box.apply_translation([3, 4, 0.7])
    box.apply_transform(turn)
    return box, ObjectFrame(np.array([3.1, 4.2, 0.6]), turn[:3, :3], np.array([0.3, 0.4, 0.8]))


def test_the_origin_is_the_middle_of_the_bottom(placed):
    box, frame = placed
    pose = object_pose(np.asarray(box.vertices), frame, "object")
    local = into(pose, np.asarray(box.vertices))
    np.testing.assert_allclose([local.min(0), local.max(0)], [[-0.2, -0.3, 0], [0.2, 0.3, 1]], atol=1e-9)
    np.testing.assert_allclose(local @ pose[:3, :3].T + pose[:3, 3], box.vertices, atol=1e-9)


def test_scene_coordinates_are_an_option_and_others_are_named(placed):
    box, frame = placed
    np.testing.assert_array_equal(object_pose(np.asarray(box.vertices), frame, "scene"), np.eye(4))
    with pytest.raises(ValueError, match=r"export\.origin=world"):
        object_pose(np.asarray(box.vertices), frame, "world")


def test_both_quaternions_and_the_matrix_say_the_same(placed):
    box, frame = placed
    pose = object_pose(np.asarray(box.vertices), frame, "object")
    told = described(pose)
    np.testing.assert_allclose(
        trimesh.transformations.quaternion_matrix(told["quaternion_wxyz"])[:3, :3], pose[:3, :3], atol=1e-9
    )
    assert told["quaternion_xyzw"] == [*told["quaternion_wxyz"][1:], told["quaternion_wxyz"][0]]
    assert told["matrix"] == pose.tolist() and told["position"] == pose[:3, 3].tolist()
