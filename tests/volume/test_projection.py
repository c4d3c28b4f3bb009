from dataclasses import replace
from pathlib import Path

import numpy as np
from sphere_capture import SphereCapture
from sphere_scene import sphere_scene

from o2recon.cameras import inside_image, project
from o2recon.scene.synth.camera_path import look_at
from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import Camera, Frame, ObjectFrame
from o2recon.volume.projection import frames_facing, project_grid


def turned_frame(angle: float = 0.4) -> ObjectFrame:
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    return ObjectFrame(np.array([1.0, 2.0, 0.5]), rotation, np.array([0.3, 0.5, 0.4]))


def frame_at(position: list[float]) -> Frame:
    camera = Camera(np.array([[90.0, 0, 80], [0, 95.0, 60], [0, 0, 1]]), 160, 120)
    pose = look_at(np.array(position, float), np.array([1.0, 2.0, 0.5]))
    depth = np.zeros((120, 160), np.float32)
    return Frame(0, np.zeros((120, 160, 3), np.uint8), depth, depth.astype(np.int32), camera, pose)


def test_voxels_project_like_any_other_point():
    grid, frame = grid_over(turned_frame(), 0.05), frame_at([0.55, 1.6, 0.9])
    seen = project_grid(grid, frame)
    pixels, z = project(frame.camera, frame.camera_to_world, voxel_centers(grid))
    inside = inside_image(frame.camera, pixels, z)
    assert 0 < inside.mean() < 1
    np.testing.assert_allclose(seen.z, z, atol=1e-5)
    np.testing.assert_array_equal(seen.pixel >= 0, inside)
    assert seen.nearest == seen.z[inside].min()
    column, row = np.divmod(seen.pixel[inside], 160)[::-1]
    expected = np.floor(pixels[inside])
    off_border = np.abs(pixels[inside] - np.rint(pixels[inside])).min(-1) > 1e-3
    np.testing.assert_array_equal(column[off_border], expected[off_border, 0])
    np.testing.assert_array_equal(row[off_border], expected[off_border, 1])


def test_frames_that_are_skipped_see_no_voxel(tmp_path: Path):
    grid = grid_over(turned_frame(), 0.1)
    rng = np.random.default_rng(0)
    frames = {}
    for n in range(60):
        frame = frame_at(list(rng.uniform([-2, -1, 0], [4, 5, 2])))
        pose = frame.camera_to_world.copy()
        pose[:3, :3] = look_at(np.zeros(3), rng.normal(size=3))[:3, :3]
        frames[n] = replace(frame, camera_to_world=pose)
    poses = {n: frame.camera_to_world for n, frame in frames.items()}
    scene = SphereCapture(sphere_scene(num_views=1, size=16), tmp_path, gains=None)
    scene.camera, scene.poses = frames[0].camera, poses
    facing = frames_facing(scene, grid)
    skipped = [frames[n] for n in frames if n not in facing]
    assert len(skipped) > 10 and len(facing) > 10
    assert not any(np.isfinite(project_grid(grid, frame).nearest) for frame in skipped)
