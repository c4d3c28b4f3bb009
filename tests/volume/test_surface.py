import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.synth.camera_path import look_at
from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import Camera, ObjectFrame, Volume
from o2recon.volume import permitted_behind, seen_surface

CENTER, RADIUS = np.array([1.0, 2.0, 0.5]), 0.2
CAMERA = Camera(np.array([[150.0, 0, 80], [0, 150.0, 60], [0, 0, 1]]), 160, 120)
POSE = look_at(CENTER + [0.5, -1.0, 0.4], CENTER)
EVERYWHERE = np.ones((120, 160), bool)


def ball() -> Volume:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    grid = grid_over(ObjectFrame(CENTER, turn, np.array([0.25, 0.3, 0.25])), 0.01)
    sdf = (np.linalg.norm(voxel_centers(grid) - CENTER, axis=-1) - RADIUS).astype(np.float32)
    return Volume(grid, sdf < 0, sdf, (voxel_centers(grid)[..., 2] > CENTER[2]).astype(np.float32))


def exact_depth() -> np.ndarray:
    rays = unnormalized_rays(CAMERA, pixel_centers(CAMERA)) @ POSE[:3, :3].T
    a, b = (rays**2).sum(-1), rays @ (POSE[:3, 3] - CENTER)
    root = b**2 - a * (((POSE[:3, 3] - CENTER) ** 2).sum() - RADIUS**2)
    return np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, 0)


def test_a_ball_is_seen_where_it_is():
    seen, exact = seen_surface(ball(), CAMERA, POSE, EVERYWHERE), exact_depth()
    both = (seen.depth > 0) & (exact > 0)
    assert ((seen.depth > 0) == (exact > 0)).mean() > 0.995
    assert np.abs(seen.depth - exact)[both].max() < 0.02 and np.abs(seen.depth - exact)[both].mean() < 0.001
    points = unnormalized_rays(CAMERA, pixel_centers(CAMERA))[both] * exact[both][:, None]
    normal = (points - POSE[:3, :3].T @ (CENTER - POSE[:3, 3])) / RADIUS
    assert (seen.normal[both] * normal).sum(-1).mean() > 0.997
    top = (points @ POSE[:3, :3].T + POSE[:3, 3])[:, 2] > CENTER[2]
    assert ((seen.evidence[both] > 0.5) == top).mean() > 0.97


def test_only_wanted_pixels_are_looked_at():
    wanted = EVERYWHERE.copy()
    wanted[:60] = False
    seen = seen_surface(ball(), CAMERA, POSE, wanted)
    assert not seen.depth[:60].any() and seen.depth[60:].any()


def test_permitted_volume_counts_only_behind_the_depth():
    volume, exact = ball(), exact_depth().astype(np.float32)
    anywhere = permitted_behind(volume, CAMERA, POSE, np.zeros_like(exact), EVERYWHERE)
    assert (anywhere == (exact > 0)).mean() > 0.98
    behind_it = permitted_behind(volume, CAMERA, POSE, np.full_like(exact, 3.0), EVERYWHERE)
    assert not behind_it.any()
    inside = permitted_behind(volume, CAMERA, POSE, np.where(exact > 0, exact + 0.05, 0), EVERYWHERE)
    assert inside[60, 80] and inside.sum() < anywhere.sum()
