import numpy as np
import pytest
import torch

from o2recon.baselines.tsdf import surface
from o2recon.mesh import stored_colors
from o2recon.transforms import grid_over
from o2recon.types import ObjectFrame

SPACING = 0.01  # metres, of the fixture


def test_a_half_seen_sphere_is_open_and_where_it_was_seen(half_seen, baseline):
    capture, folder = half_seen
    mesh = baseline("tsdf")(capture, folder)
    scene = capture.sphere
    assert not mesh.is_watertight
    assert np.abs(scene.sdf(mesh.vertices)).max() < SPACING
    whole = 4 * np.pi * scene.radius**2
    assert 0.2 * whole < mesh.area < 0.6 * whole
    outward = np.einsum("nd,nd->n", mesh.face_normals, mesh.triangles_center - scene.frame.center)
    assert (outward > 0).mean() > 0.99


def test_without_a_mask_a_second_wall_stands_behind_the_seen_one(half_seen, baseline):
    capture, folder = half_seen
    seen, shell = baseline("tsdf")(capture, folder), baseline("tsdf_shell")(capture, folder)
    off = capture.sphere.sdf(shell.vertices)
    assert np.abs(off[off > -SPACING]).max() < 2 * SPACING and (off < -SPACING).mean() > 0.2
    assert shell.area > 1.5 * seen.area


def test_only_pixels_with_the_objects_id_are_fused(half_seen, baseline):
    capture, folder = half_seen
    seen = baseline("tsdf")(capture, folder).area
    instance = capture.instance
    capture.instance = lambda index: np.where(np.arange(128) < 80, 0, instance(index))
    assert baseline("tsdf")(capture, folder).area < 0.8 * seen
    capture.instance = lambda index: np.zeros((128, 128), int)
    with pytest.raises(ValueError, match="too little valid depth"):
        baseline("tsdf")(capture, folder)


def test_vertices_have_the_colours_of_the_images(sphere, baseline):
    capture, folder = sphere
    mesh = baseline("tsdf")(capture, folder)
    normal = (mesh.vertices - capture.sphere.frame.center) / capture.sphere.radius
    painted = 128 + 60 * np.sin(3 * normal + np.array([0.0, 1.0, 2.0]))
    assert np.median(np.abs(stored_colors(mesh) - painted)) < 6


def test_cells_with_an_unseen_corner_stay_empty():
    grid = grid_over(ObjectFrame(np.zeros(3), np.eye(3), np.full(3, 0.5)), 0.1)
    x = np.arange(10)[:, None, None] - 4.3 + np.zeros(grid.shape)
    observed = np.ones(grid.shape, bool)
    whole = surface(grid, x, observed)
    assert whole.area == pytest.approx(0.81)
    assert whole.vertices[:, 0] == pytest.approx((4.3 - 4.5) * 0.1)
    observed[4, 3, 3] = False
    assert surface(grid, x, observed).area == pytest.approx(0.81 - 4 * 0.01)
    with pytest.raises(ValueError, match="no surface on voxels of 100 mm"):
        surface(grid, x, torch.zeros(grid.shape, dtype=torch.bool).numpy())
