"""Every texel knows its point of the surface, and the gutter repeats the charts."""

import numpy as np
import pytest
import trimesh

from o2recon.export import texels_of, unwrap
from o2recon.export.atlas import barycentric, filled

pytest.importorskip("xatlas")


@pytest.fixture(scope="module")
def atlas():
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    sphere.apply_translation([7, 8, 9])
    return unwrap(sphere, np.asarray(sphere.vertex_normals), resolution=128, padding=2)


def test_charts_lie_within_the_texture_and_keep_the_surface(atlas):
    assert (atlas.uv >= 0).all() and (atlas.uv <= [atlas.width, atlas.height]).all()
    again = trimesh.Trimesh(atlas.vertices, atlas.faces)
    again.merge_vertices()
    assert again.is_watertight and again.volume == pytest.approx(4 / 3 * np.pi / 8, rel=0.03)


def test_texels_show_points_of_the_surface_with_their_normals(atlas):
    texels = texels_of(atlas)
    assert texels.inside.shape == (atlas.height, atlas.width)
    assert texels.inside.sum() == len(texels.points) > 0.3 * atlas.width * atlas.height
    out = texels.points - [7, 8, 9]
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 0.5, atol=0.005)
    assert np.einsum("nd,nd->n", out / 0.5, texels.normals).min() > 0.98


def test_charts_cover_the_texture_in_proportion_to_their_area(atlas):
    texels = texels_of(atlas)
    upper = (texels.points[:, 2] > 9).mean()
    assert upper == pytest.approx(0.5, abs=0.03)


def test_barycentric_weights_give_the_point_back():
    generator = np.random.default_rng(0)
    corners, weights = generator.random((50, 3, 2)), generator.dirichlet(np.ones(3), 50)
    points = np.einsum("nc,ncd->nd", weights, corners)
    np.testing.assert_allclose(barycentric(corners, points), weights, atol=1e-6)


def test_the_gutter_takes_the_nearest_texel():
    image, inside = np.zeros((3, 4, 3), np.uint8), np.zeros((3, 4), bool)
    image[1, 1], inside[1, 1] = [10, 20, 30], True
    image[1, 3], inside[1, 3] = [90, 80, 70], True
    full = filled(image, inside)
    np.testing.assert_array_equal(full[0, 0], [10, 20, 30])
    np.testing.assert_array_equal(full[2, 3], [90, 80, 70])
