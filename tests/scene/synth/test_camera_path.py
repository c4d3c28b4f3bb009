import numpy as np
import pytest

from o2recon.scene.synth.camera_path import FURNITURE_CLEARANCE, WALL_CLEARANCE, hand_held, look_at
from o2recon.scene.synth.layout import arrange, checked_items

ROOM = (4.4, 3.8, 2.6)


@pytest.fixture(scope="module", params=[0, 1, 2])
def walk(request):
    placed = arrange(checked_items(["sofa", "table", "chair", "box"]), ROOM, request.param)
    path = dict(num_views=40, arc=110.0, distance=2.3, height=(1.2, 1.7), seed=request.param)
    return placed, hand_held(placed, ROOM, **path)


def test_cameras_are_rigid_upright_and_inside_the_room(walk):
    _, poses = walk
    rotations = poses[:, :3, :3]
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (40, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    assert (poses[:, 2, 1] < -0.5).all()
    assert (poses[:, :3, 3] >= WALL_CLEARANCE).all() and (poses[:, :3, 3] <= np.subtract(ROOM, WALL_CLEARANCE)).all()


def test_cameras_keep_away_from_furniture(walk):
    placed, poses = walk
    for piece in placed:
        low, high = piece.mesh.bounds
        gap = np.maximum(np.maximum(low - poses[:, :3, 3], poses[:, :3, 3] - high), 0)
        assert (np.linalg.norm(gap, axis=1) >= FURNITURE_CLEARANCE - 1e-9).all()


def test_a_hand_moves_smoothly_and_looks_at_the_furniture(walk):
    placed, poses = walk
    assert np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).max() < 0.3
    assert (poses[1:, :3, 2] * poses[:-1, :3, 2]).sum(1).min() > np.cos(np.deg2rad(15))
    middle = np.mean([p.mesh.bounds.mean(0) for p in placed], 0)
    towards = middle - poses[:, :3, 3]
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    assert (towards * poses[:, :3, 2]).sum(1).min() > np.cos(np.deg2rad(40))


def test_look_at_puts_the_target_on_the_axis():
    position, target = np.array([1.0, 2, 1.5]), np.array([2.0, 0.5, 0.3])
    pose = look_at(position, target, roll=0.2)
    local = pose[:3, :3].T @ (target - position)
    np.testing.assert_allclose(local, [0, 0, np.linalg.norm(target - position)], atol=1e-12)
