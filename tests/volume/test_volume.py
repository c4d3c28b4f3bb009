"""Carving, fusion and completion of a ball in front of a wall, seen from one side: everything is known exactly."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.synth.camera_path import look_at
from o2recon.transforms import grid_over, voxel_centers, world_to_voxel
from o2recon.types import Camera, Frame, ObjectFrame
from o2recon.volume import Carving, Completion, Fusion, Known, Observation, carve
from o2recon.volume.fusion import incidence, pixel_rays
from o2recon.volume.minimal_surface import minimal_surface
from o2recon.volume.projection import project_grid

CENTER, RADIUS, WALL = np.array([1.0, 2.0, 0.5]), 0.2, 2.6
CAMERA = Camera(np.array([[150.0, 0, 80], [0, 150.0, 60], [0, 0, 1]]), 160, 120)
SETTINGS = {"object_id": 3, "depth_sigma": lambda z: 0.001 * np.ones_like(z)}


def turned(angle: float, shift: np.ndarray) -> np.ndarray:
    """A rigid motion of the world about the vertical."""
    motion = np.eye(4)
    c, s = np.cos(angle), np.sin(angle)
    motion[:2, :2] = [[c, -s], [s, c]]
    motion[:3, 3] = shift
    return motion


def ball_frame(position: np.ndarray, motion: np.ndarray) -> Frame:
    """A ball in front of the wall y = WALL, seen from `position`; the finished scene is moved by `motion`."""
    pose = look_at(position, CENTER)
    rays = unnormalized_rays(CAMERA, pixel_centers(CAMERA)) @ pose[:3, :3].T
    to_wall = (WALL - position[1]) / rays[..., 1]
    a, b = (rays**2).sum(-1), rays @ (position - CENTER)
    root = b**2 - a * ((position - CENTER) @ (position - CENTER) - RADIUS**2)
    hit = root > 0
    depth = np.where(hit, (-b - np.sqrt(np.maximum(root, 0))) / a, np.maximum(to_wall, 0)).astype(np.float32)
    color = np.zeros((*depth.shape, 3), np.uint8)
    return Frame(0, color, depth, np.where(hit, 3, 0).astype(np.int32), CAMERA, motion @ pose)


def ball_frames(motion: np.ndarray) -> list[Frame]:
    positions = [CENTER + [1.2 * np.sin(a), -1.2 * np.cos(a), h] for a in np.linspace(-1.2, 1.2, 7) for h in (0.1, 0.6)]
    return [ball_frame(p, motion) for p in positions]


def box(motion: np.ndarray, half: float = 0.26) -> ObjectFrame:
    return ObjectFrame(motion[:3, :3] @ CENTER + motion[:3, 3], motion[:3, :3], np.full(3, half))


@cache
def observed(angle: float = 0.0) -> tuple[Observation, np.ndarray]:
    motion = turned(angle, np.array([0.3, -0.2, 0.0]) * angle)
    grid = grid_over(box(motion), 0.02)
    carving = Carving(grid=grid, min_votes=2, margin=0.01, **SETTINGS)
    fusion = Fusion(grid=grid, truncation=0.03, behind=0.012, **SETTINGS)
    for frame in ball_frames(motion):
        carving.add(frame)
        fusion.add(frame)
    past, other = carving.past.float(), carving.other.float()
    seen = Observation(grid, fusion.distance(), fusion.weight, torch.from_numpy(carving.permitted()), past, other)
    distance = np.linalg.norm(voxel_centers(grid) - grid.frame.center, axis=-1) - RADIUS
    return seen, distance


def completion(**changes: object) -> Completion:
    with initialize_config_module("o2recon.conf", version_base=None):
        config = compose("volume/default").volume.completion
    made: Completion = instantiate(config, **changes)
    return made


def test_carving_keeps_the_ball_and_removes_most_of_the_rest():
    seen, distance = observed()
    permitted = seen.permitted.numpy()
    assert permitted[distance < 0].all()
    assert permitted[distance > 0.04].mean() < 0.25


def test_one_frame_alone_carves_nothing():
    motion = np.eye(4)
    grid = grid_over(box(motion), 0.04)
    assert carve(ball_frames(motion)[:1], grid, min_votes=2, margin=0.01, **SETTINGS).all()


def test_the_fused_distance_is_that_of_the_ball():
    seen, distance = observed()
    near = (seen.weight > 0.1).numpy() & (np.abs(distance) < 0.012)
    assert near.sum() > 200
    assert np.median(np.abs(seen.distance.numpy() - distance)[near]) < 0.003


def test_one_frame_adds_what_the_definition_says_at_every_voxel():
    motion = turned(0.3, np.zeros(3))
    grid, frame = grid_over(box(motion), 0.02), ball_frames(motion)[3]
    seen, own = project_grid(grid, frame), frame.instance == 3
    fusion = Fusion(grid=grid, truncation=0.03, behind=0.012, **SETTINGS)
    fusion.add(frame)
    inside, at = seen.pixel >= 0, np.maximum(seen.pixel, 0)
    cosine = incidence(frame.depth, pixel_rays(CAMERA)).ravel()[at]
    distance = (frame.depth.ravel()[at] - seen.z) * cosine
    fade = np.clip((distance + 0.03) / 0.015, 0, 1)  # behind: 1.5 voxels
    weight = np.where(inside & own.ravel()[at], 1e-5 * cosine / (0.001**2 + 0.002**2) * fade, 0)
    assert (weight > 0).sum() > 1000
    np.testing.assert_allclose(fusion.weight.numpy(), weight, rtol=1e-4, atol=1e-6)
    expected = np.where(weight > 0, np.minimum(distance, 0.03), 0)
    np.testing.assert_allclose(fusion.distance().numpy(), expected, atol=1e-5)


def test_the_number_of_threads_changes_nothing():
    grid, frames = grid_over(box(np.eye(4)), 0.02), ball_frames(np.eye(4))[:3]
    before, results = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        carving = Carving(grid=grid, min_votes=2, margin=0.01, **SETTINGS)
        fusion = Fusion(grid=grid, truncation=0.03, behind=0.012, **SETTINGS)
        for frame in frames:
            carving.add(frame)
            fusion.add(frame, project_grid(grid, frame))
        known = torch.zeros(grid.shape)
        known[5:9, 5:20, 5:20] = 1
        u = minimal_surface(0.1 * fusion.distance(), known, torch.ones(grid.shape), iterations=9)
        results.append((carving.past, carving.other, fusion.weight, fusion.weighted, u))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_unseen_back_of_the_ball_is_completed():
    seen, distance = observed()
    sdf, evidence = completion()(seen, None)
    inside = distance < 0
    overlap = ((sdf < 0) & inside).sum() / ((sdf < 0) | inside).sum()
    assert overlap > 0.85
    back = (voxel_centers(seen.grid)[..., 1] - CENTER[1] > 0.14) & (np.abs(distance) < 0.02)
    assert evidence[back].mean() < 0.3 and np.abs(sdf[back] - distance[back]).mean() < 0.03


def test_the_completed_surface_is_closed_inside_the_grid():
    sdf, _ = completion()(observed()[0], None)
    assert all((np.take(sdf, (0, -1), axis) > 0).all() for axis in range(3))


def test_the_object_ends_at_the_floor():
    seen, _ = observed()
    free, _ = completion()(seen, None)
    floor = float(CENTER[2]) - 0.1
    sdf, _ = completion()(seen, floor)
    height = voxel_centers(seen.grid)[..., 2]
    assert (free[height < floor] < 0).any() and (sdf[height < floor] > 0).all()
    assert np.array_equal(sdf[height > floor + RADIUS], free[height > floor + RADIUS])


def test_moving_the_world_moves_nothing_in_the_object_frame():
    (here, _), (there, _) = observed(0.0), observed(0.7)
    assert (here.permitted == there.permitted).float().mean() > 0.999
    both = (here.weight > 0.1) & (there.weight > 0.1)
    assert float((here.distance - there.distance).abs()[both].median()) < 1e-4


def test_an_object_without_depth_is_refused():
    seen, _ = observed()
    empty = Observation(seen.grid, seen.distance * 0, seen.weight * 0, seen.permitted, seen.past, seen.other)
    with pytest.raises(ValueError, match="valid depth"):
        completion()(empty, None)


def test_carving_keeps_thin_legs(tiny_room):
    import trimesh

    from o2recon.scene import RecordedScene

    with initialize_config_module("o2recon.conf", version_base=None):
        scene: RecordedScene = instantiate(compose("scene/scannet").scene, root=str(tiny_room))
    truth = trimesh.load(tiny_room / "groundtruth" / "1.ply")
    center = truth.bounds.mean(0)
    grid = grid_over(ObjectFrame(center, np.eye(3), (truth.bounds[1] - truth.bounds[0]) / 2 + 0.05), 0.015)
    permitted = carve(scene.frames(), grid, object_id=1, depth_sigma=np.zeros_like, min_votes=2, margin=0.01)
    points = np.random.default_rng(0).uniform(*truth.bounds, (200_000, 3))
    inside = points[truth.contains(points)]
    i, j, k = np.rint(world_to_voxel(grid, inside)).astype(int).T
    assert (~permitted[i, j, k]).mean() <= 0.001
    assert permitted.mean() < 0.8


def test_a_ball_seen_only_from_afar_is_observed_too():
    seen, _ = observed()
    faint = replace(seen, weight=seen.weight * 1e-3)
    near, far = (Known.of(o, min_weight=0.03, min_share=0.2).surface for o in (seen, faint))
    assert float((near & far).sum()) > 0.8 * float(near.sum())
