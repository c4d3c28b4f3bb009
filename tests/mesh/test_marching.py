"""Extraction: closed, outward, metric, and the same as asking the field everywhere."""

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree
from skimage import measure

from o2recon.mesh import extract, split
from o2recon.transforms import object_to_world
from o2recon.types import ObjectFrame


@pytest.fixture
def frame() -> ObjectFrame:
    c, s = np.cos(0.4), np.sin(0.4)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return ObjectFrame(np.array([1.0, 2.0, 3.0]), rotation, np.array([0.5, 0.4, 0.3]))


def ball(points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=-1) - 0.3


def box_sdf(points: torch.Tensor, center: list[float], half: list[float]) -> torch.Tensor:
    q = (points - points.new_tensor(center)).abs() - points.new_tensor(half)
    return q.clamp(min=0).norm(dim=-1) + q.max(-1).values.clamp(max=0)


def table(points: torch.Tensor) -> torch.Tensor:
    """A plate on four thin legs."""
    legs = [box_sdf(points, [0.4 * x, 0.3 * y, -0.05], [0.012, 0.012, 0.25]) for x in (-1, 1) for y in (-1, 1)]
    return torch.stack([box_sdf(points, [0, 0, 0.2], [0.45, 0.35, 0.02]), *legs]).amin(0)


def test_a_ball_is_closed_outward_and_has_its_size_and_place_in_the_world(frame):
    mesh = extract(ball, frame, spacing_m=0.01)
    radius = 0.3 * frame.scale
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=5e-3)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices - frame.center, axis=1), radius, atol=3e-4)
    np.testing.assert_allclose(
        np.einsum("nd,nd->n", mesh.vertex_normals, mesh.vertices - frame.center) / radius, 1, atol=5e-3
    )


@pytest.mark.parametrize("field", [ball, table, lambda p: table(p) * (4 + torch.sin(9 * p).sum(-1))])
def test_coarse_to_fine_equals_asking_every_node(frame, field):
    asked = []

    def counting(points: torch.Tensor) -> torch.Tensor:
        asked.append(len(points))
        return field(points)

    sparse = extract(counting, frame, resolution=64, block=4)
    dense = extract(field, frame, resolution=64, block=4, safety=1e9)
    np.testing.assert_array_equal(sparse.faces, dense.faces)
    np.testing.assert_allclose(sparse.vertices, dense.vertices, atol=1e-9)
    assert split(sparse).count == 1 and sparse.is_watertight
    assert sum(asked) < 0.4 * 65 * 53 * 41 or field is not ball, sum(asked)


def test_a_surface_is_followed_into_blocks_that_the_bound_would_skip(frame):
    def heavy(points: torch.Tensor) -> torch.Tensor:
        return torch.minimum(table(points), box_sdf(points, [0, 0, 0.2], [0.45, 0.35, 0.1]))

    sparse = extract(heavy, frame, resolution=64, block=8, safety=0.05)
    dense = extract(heavy, frame, resolution=64, block=8, safety=1e9)
    assert sparse.volume == pytest.approx(dense.volume, rel=1e-9)


def test_a_solid_that_leaves_the_box_is_closed_at_the_box(frame):
    mesh = extract(lambda p: p.norm(dim=-1) - 0.52, frame, spacing_m=0.02)
    local = (mesh.vertices - frame.center) @ frame.rotation
    assert mesh.is_watertight and mesh.volume > 0
    np.testing.assert_allclose(np.abs(local).max(0)[2], frame.half_extents[2], atol=1e-4)
    assert (np.abs(local) <= frame.half_extents + 1e-9).all()


def test_the_vertices_are_those_of_another_implementation(frame):
    """Of scikit-image's, which gives a few loops a vertex more, as we do."""
    generator = torch.Generator().manual_seed(0)
    grid = 0.01 * (torch.rand(17, 17, 17, generator=generator) - 0.4)
    grid[grid.abs() < 1e-4] = 1e-4  # nodes nearly on the surface are moved off it
    grid[[0, -1]] = grid[:, [0, -1]] = grid[:, :, [0, -1]] = 0.01
    cube = ObjectFrame(np.zeros(3), np.eye(3), np.full(3, 0.5))

    def sampled(points: torch.Tensor) -> torch.Tensor:
        return grid[tuple(torch.round((points * cube.scale + 0.5) * 16).long().clamp(0, 16).T)]

    mine = extract(sampled, cube, resolution=16, safety=np.inf)
    theirs = (measure.marching_cubes(grid.numpy(), 0.0)[0] / 16 - 0.5).astype(np.float64)
    on_edges = (np.abs(mine.vertices * 16 - np.round(mine.vertices * 16)) < 1e-4).sum(1) >= 2
    assert on_edges.mean() > 0.9
    assert cKDTree(theirs).query(mine.vertices[on_edges])[0].max() < 1e-4
    assert mine.is_watertight and mine.is_winding_consistent


@pytest.mark.gpu
def test_the_gpu_gives_the_same_mesh(frame):
    mine, theirs = (extract(table, frame, resolution=96, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_array_equal(mine.faces, theirs.faces)
    np.testing.assert_allclose(mine.vertices, theirs.vertices, atol=1e-6)


def test_a_block_that_cannot_be_halved_is_refused(frame):
    with pytest.raises(ValueError, match=r"mesh\.block=6"):
        extract(ball, frame, resolution=32, block=6)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_even_noise_gives_a_closed_mesh(frame, sigma):
    def noise(points: torch.Tensor) -> torch.Tensor:
        return torch.sin(1e4 * points[:, 0] + 3e4 * points[:, 1] * points[:, 2]) + 0.5 + sigma * (ball(points))

    mesh = extract(noise, frame, resolution=24, block=2, safety=np.inf)
    assert mesh.is_watertight and mesh.is_winding_consistent


def test_nodes_on_the_surface_do_not_break_it(frame):
    cube = ObjectFrame(frame.center, np.eye(3), np.full(3, 0.5))
    mesh = extract(lambda p: torch.round(box_sdf(p, [0, 0, 0], [0.25, 0.25, 0.25]) * 8) / 8, cube, resolution=16)
    assert mesh.is_watertight and mesh.volume > 0


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (lambda p: p[:, 0] * 0 + 1, "vanished"),
        (lambda p: p[:, 0] * 0 - 1, "inside out"),
        (lambda p: 0.3 - p.norm(dim=-1), "inside out"),
        (lambda p: p[:, 0] * float("nan"), "not finite"),
    ],
)
def test_fields_without_an_object_are_refused_in_one_line(frame, field, message):
    with pytest.raises(ValueError, match=message) as error:
        extract(field, frame, resolution=32)
    assert "\n" not in str(error.value)


def test_moving_the_world_moves_the_mesh(frame):
    still = extract(table, frame, resolution=48)
    moved = extract(table, ObjectFrame(frame.center + 5, np.eye(3), frame.half_extents), resolution=48)
    local = (np.asarray(still.vertices) - frame.center) @ frame.rotation
    np.testing.assert_allclose(local, moved.vertices - frame.center - 5, atol=1e-9)


def test_chunks_do_not_matter(frame):
    a, b = (extract(table, frame, resolution=40, chunk=c) for c in (999, 10**6))
    np.testing.assert_array_equal(a.vertices, b.vertices)


def test_agrees_with_the_analytic_distance(frame):
    mesh = extract(table, frame, spacing_m=0.01)
    points = trimesh.sample.sample_surface(mesh, 2000, seed=0)[0]
    local = torch.tensor((points - frame.center) @ frame.rotation / frame.scale, dtype=torch.float32)
    assert float(table(local).abs().max()) * frame.scale < 0.01
    assert object_to_world(frame, np.zeros(3)) == pytest.approx(frame.center)
