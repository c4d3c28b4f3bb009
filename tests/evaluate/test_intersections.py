"""Self-intersections of meshes where their number is known, or countable by another method."""

from itertools import combinations

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import self_intersections


def count(mesh: trimesh.Trimesh) -> int | None:
    return self_intersections(mesh, max_faces=10**6)


def soup(*triangles) -> trimesh.Trimesh:
    corners = np.array(triangles, float).reshape(-1, 3)
    return trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)


def ball(at, subdivisions: int = 3) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=subdivisions).apply_translation(at)


def tube(center: np.ndarray, *, around: int = 12) -> trimesh.Trimesh:
    """A closed tube of radius 0.1 around a closed curve in space."""
    ahead = np.roll(center, -1, 0) - np.roll(center, 1, 0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(ahead, [0, 0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, ahead)
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    vertices = (center[:, None] + 0.1 * ring).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(len(center)), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    c, d = (a + around) % len(vertices), (b + around) % len(vertices)
    return trimesh.Trimesh(vertices, np.stack([a, c, b, b, c, d], -1).reshape(-1, 3), process=False)


def eight(height: float) -> np.ndarray:
    """A figure of eight whose branches pass each other at `height`."""
    t = np.linspace(0, 2 * np.pi, 80, endpoint=False) + 0.01
    return np.stack([np.sin(2 * t), np.sin(t), height / 2 * np.cos(t)], 1)


def crosses(a: np.ndarray, b: np.ndarray) -> bool:
    """An edge of either triangle passes through the other: signs of tetrahedra, no common code with the package."""

    def volume(p, q, r, s) -> float:
        return float(np.linalg.det(np.stack([q - p, r - p, s - p])))

    def passes(start, end, t) -> bool:
        if volume(*t, start) * volume(*t, end) >= 0:
            return False
        signs = [volume(start, end, t[k], t[(k + 1) % 3]) > 0 for k in range(3)]
        return all(signs) or not any(signs)

    edges = ((0, 1), (1, 2), (2, 0))
    return any(passes(a[i], a[j], b) or passes(b[i], b[j], a) for i, j in edges)


def test_a_sphere_and_two_apart_do_not_intersect():
    assert count(ball([0, 0, 0])) == 0
    assert count(trimesh.util.concatenate([ball([0, 0, 0]), ball([2.1, 0, 0])])) == 0
    assert count(trimesh.util.concatenate([ball([0, 0, 0]), trimesh.creation.icosphere(radius=0.5)])) == 0


def test_overlapping_spheres_intersect_along_their_circle():
    """The circle crosses each sphere's triangles once per edge length, so finer balls have more pairs, about twice."""
    coarse, fine = (count(trimesh.util.concatenate([ball([0, 0, 0], n), ball([0.7, 0.13, 0.21], n)])) for n in (3, 4))
    assert 100 < coarse < 300 and 1.7 < fine / coarse < 2.3


def test_a_tube_counts_where_its_branches_meet():
    assert count(tube(eight(0.5))) == 0
    assert count(tube(eight(0.05))) > 20


@pytest.mark.parametrize("seed", range(4))
def test_random_triangles_agree_with_all_pairs(seed):
    random = np.random.default_rng(seed)
    triangles = random.random((70, 1, 3)) + random.normal(size=(70, 3, 3)) * random.choice([0.02, 0.1, 0.3], (70, 1, 1))
    expected = sum(crosses(a, b) for a, b in combinations(triangles, 2))
    assert expected > 10 and count(soup(*triangles)) == expected


def test_neighbours_do_not_count_even_when_their_corners_are_stored_twice():
    mesh = ball([0, 0, 0], 2)
    assert count(soup(*mesh.triangles)) == 0


def test_coplanar_faces_count_when_they_overlap_and_not_when_they_touch():
    first = [[0, 0, 0], [2, 0, 0], [0, 2, 0]]
    assert count(soup(first, [[0.3, 0.3, 0], [0.6, 0.3, 0], [0.3, 0.6, 0]])) == 1
    assert count(soup(first, [[0.5, 0.5, 0], [3, 0.5, 0], [0.5, 3, 0]])) == 1
    assert count(soup(first, [[0.5, 0, 0], [1.5, 0, 0], [1, -1, 0]])) == 0
    assert count(soup(first, [[3, 0, 0], [4, 0, 0], [3, 1, 0]])) == 0
    assert count(soup(first, [[0.3, 0.3, 1e-3], [0.6, 0.3, 1e-3], [0.3, 0.6, 1e-3]])) == 0


def test_touching_is_no_crossing():
    floor = [[-1, -1, 0], [3, -1, 0], [-1, 3, 0]]
    assert count(soup(floor, [[0, 0, 0], [0.5, 0, 0], [0.2, 0.1, 1]])) == 0
    assert count(soup(floor, [[0, 0, 0], [0.5, 0, 1], [0.2, 0.1, 1]])) == 0
    assert count(soup(floor, [[0, 0, -0.1], [0.5, 0, 1], [0.2, 0.1, 1]])) == 1


def test_faces_without_area_are_left_out():
    floor = [[-1, -1, 0], [3, -1, 0], [-1, 3, 0]]
    assert count(soup(floor, [[0, 0, -1], [0, 0, 0], [0, 0, 1]], [[5, 5, 5]] * 3)) == 0
    assert count(trimesh.Trimesh()) == 0


def test_size_and_place_do_not_matter_and_large_meshes_are_skipped():
    mesh = trimesh.util.concatenate([ball([0, 0, 0]), ball([0.7, 0.13, 0.21])])
    expected = count(mesh)
    moved = mesh.copy().apply_scale(1e-2).apply_translation([40, -30, 2])
    assert count(moved) == expected
    assert self_intersections(mesh, max_faces=len(mesh.faces) - 1) is None
