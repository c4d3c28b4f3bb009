"""Floor contact and stability in closed form."""

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import center_of_mass, floor_gap_cm, is_stable


def box(size, at) -> trimesh.Trimesh:
    return trimesh.creation.box(size).apply_translation(at)


def turned(mesh: trimesh.Trimesh, degrees: float) -> trimesh.Trimesh:
    return mesh.copy().apply_transform(trimesh.transformations.rotation_matrix(np.radians(degrees), [0, 1, 0]))


def table(*legs: tuple[float, float]) -> trimesh.Trimesh:
    """A top of 1 x 1 m at 0.7 m with legs that end on the floor."""
    parts = [box([1, 1, 0.05], [0, 0, 0.7]), *(box([0.05, 0.05, 0.69], [x, y, 0.345]) for x, y in legs)]
    return trimesh.boolean.union(parts, engine="manifold")


@pytest.mark.parametrize(("height", "gap"), [(0.3, 0.0), (0.35, 5.0), (0.28, -2.0)])
def test_the_gap_is_the_lowest_points_height_above_the_floor(height, gap):
    assert floor_gap_cm(box([0.4, 0.5, 0.6], [3, 2, 1 + height]), 1.0) == pytest.approx(gap)


def test_a_box_stands_on_its_face_and_not_on_an_edge():
    assert is_stable(box([0.4, 0.5, 0.6], [3, -2, 7]), reach=0.01) is True
    assert is_stable(turned(box([0.4, 0.5, 0.6], [0, 0, 0]), 20), reach=0.01) is False


def test_a_cylinder_cut_askew_falls_when_its_middle_leaves_its_foot():
    """Sheared by s: the centre of mass moves by s h / 2, so it leaves the foot of half width w at s = 2 w / h."""
    for shear, stands in ((0.39, True), (0.41, False)):
        mesh = box([0.4, 0.4, 1.0], [0, 0, 0.5])
        mesh.vertices[:, 0] += shear * mesh.vertices[:, 2]
        assert is_stable(mesh, reach=0.01) is stands


def test_three_legs_bear_a_table_only_around_its_middle():
    assert is_stable(table((-0.4, -0.4), (0.4, -0.4), (0, 0.4)), reach=0.01) is True
    assert is_stable(table((-0.4, -0.4), (-0.4, 0.4), (-0.2, 0)), reach=0.01) is False


def test_a_leg_a_little_short_still_bears():
    mesh = table((-0.4, -0.4), (0.4, -0.4), (-0.4, 0.4), (0.4, 0.4))
    short = np.all(mesh.vertices > [0.3, 0.3, -1], axis=1) & (mesh.vertices[:, 2] < 0.01)
    assert short.sum() == 4
    mesh.vertices[short, 2] += 0.006
    assert is_stable(mesh, reach=0.01) is True


def test_an_open_mesh_has_no_mass():
    mesh = box([1, 1, 1], [0, 0, 0])
    mesh.update_faces(np.arange(len(mesh.faces)) > 0)
    assert is_stable(mesh, reach=0.01) is None


def test_the_centre_of_mass_is_that_of_trimesh_and_of_the_parts():
    mesh = trimesh.convex.convex_hull(np.random.default_rng(0).normal(size=(40, 3)) + [5, 6, 7])
    np.testing.assert_allclose(center_of_mass(mesh), mesh.center_mass, atol=1e-9)
    two = trimesh.util.concatenate([box([1, 1, 1], [0, 0, 0]), box([1, 1, 2], [3, 0, 0])])
    np.testing.assert_allclose(center_of_mass(two), [2, 0, 0], atol=1e-12)
