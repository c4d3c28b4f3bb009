import json

import cv2
import numpy as np
import pytest
import trimesh

from o2recon.scene.synth.camera_path import look_at
from o2recon.scene.synth.truth import Silhouette, hidden_shares, sketch, sketched_views
from o2recon.types import Camera

CAMERA = Camera(np.array([[200.0, 0, 120], [0, 200.0, 90], [0, 0, 1]]), 240, 180)


def test_silhouette_of_a_sphere_is_the_closed_form():
    center, radius = np.array([0.3, 2.0, 0.4]), 0.4
    pose = look_at(np.array([0.0, 0, 1.0]), np.array([0.2, 2.0, 0.5]), roll=0.1)
    sphere = trimesh.creation.icosphere(subdivisions=5, radius=radius).apply_translation(center)
    u, v = np.meshgrid(np.arange(240) + 0.5, np.arange(180) + 0.5)
    rays = np.stack([(u - 120) / 200, (v - 90) / 200, np.ones_like(u)], -1) @ pose[:3, :3].T
    to_center = center - pose[:3, 3]
    distance = np.linalg.norm(np.cross(rays, to_center), axis=-1) / np.linalg.norm(rays, axis=-1)
    mask = Silhouette(sphere).mask(CAMERA, pose)
    unclear = np.abs(distance - radius) < 2e-3
    assert (mask == (distance < radius))[~unclear].all()


def test_silhouette_behind_the_camera_is_empty():
    pose = look_at(np.array([0.0, 0, 1.0]), np.array([0.0, 2.0, 1.0]))
    behind = trimesh.creation.box((0.5, 0.5, 0.5)).apply_translation((0, -2, 1))
    assert not Silhouette(behind).mask(CAMERA, pose).any()


def test_hidden_share_counts_views_with_at_least_one_percent():
    np.testing.assert_allclose(hidden_shares([50, 0, 5], [100, 200, 9], 1000), [0.5, 1.0])


def test_sketched_views_are_apart_and_hide_most():
    assert sketched_views([0, 5, 9, 8, 7, 1, 1, 1, 6, 0]) == [2, 8]
    assert sketched_views([0, 0, 0]) == []


def test_sketch_covers_the_hidden_part_roughly():
    hidden = np.zeros((180, 240), bool)
    hidden[60:110, 80:160] = True
    painted = sketch(hidden, np.random.default_rng(0))
    assert (painted & hidden).sum() > 0.95 * hidden.sum()
    assert hidden.sum() < painted.sum() < 1.6 * hidden.sum()


@pytest.mark.parametrize("instance", [1, 2])
def test_seen_flags_agree_with_an_independent_ray_test(tiny_room, instance):
    """Seen from some camera: a straight line to the point meets nothing. Checked against all objects at once."""
    with np.load(tiny_room / "groundtruth" / f"{instance}_points.npz") as data:
        points, normals, seen = (data[k][:1500].astype(float) for k in ("points", "normals", "seen"))
    room = trimesh.util.concatenate([trimesh.load(tiny_room / f"groundtruth/{i}.ply") for i in (1, 2)])
    height, width = cv2.imread(str(tiny_room / "depth/0.png"), -1).shape
    k = np.loadtxt(tiny_room / "intrinsic/intrinsic_depth.txt")
    expected = np.zeros(len(points), bool)
    for file in (tiny_room / "pose").glob("*.txt"):
        pose = np.loadtxt(file)
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        pixels = local @ k[:3, :3].T
        column, row = pixels[:, 0] / local[:, 2] + 0.5, pixels[:, 1] / local[:, 2] + 0.5
        inside = (local[:, 2] > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        facing = ((pose[:3, 3] - points) * normals).sum(1) > 0
        starts = points + 2e-3 * normals
        blocked = room.ray.intersects_any(starts, pose[:3, 3] - starts)
        expected |= inside & facing & ~blocked
    assert (expected == (seen > 0)).mean() > 0.95
    recorded = json.loads((tiny_room / "instances.json").read_text())[instance - 1]["unseen_share"]
    assert recorded == pytest.approx(1 - expected.mean(), abs=0.05)
