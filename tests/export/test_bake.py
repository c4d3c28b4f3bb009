"""Colours of a sphere that are known everywhere come back where views saw it, and only there."""

import numpy as np
import pytest
import trimesh
from sphere_capture import prepared

from o2recon.export import Baker, Texels
from o2recon.export.bake import faded, nearest_colors
from o2recon.inpaint import Reproject


def baker(**changes) -> Baker:
    reproject = Reproject(
        tolerance=0.01,
        num_sigmas=0.0,
        erode_px=1,
        num_views=4,
        min_cosine=0.15,
        color_sigma=20.0,
        single_confidence=1.0,
        exposure_samples=500,
        exposure_min_shared=10,
    )
    options = {"margin": 0.015, "num_sigmas": 2.0, "edge_px": 1, "fade_m": 0.05, "chunk": 1000, "seed": 0}
    return Baker(reproject=reproject, **{**options, **changes})


@pytest.fixture(scope="module")
def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=0.3)


def texels_on(ball: trimesh.Trimesh) -> Texels:
    points = np.asarray(ball.vertices)
    return Texels(np.ones((1, len(points)), bool), points, points / 0.3)


def truth(texels: Texels) -> np.ndarray:
    return 128 + 60 * np.sin(3 * texels.normals + np.array([0.0, 1.0, 2.0]))


def test_the_painted_sphere_comes_back(ball, tmp_path):
    capture, folder = prepared(tmp_path, size=96)
    texels, bake = texels_on(ball), baker()
    photos = bake.photos(ball, folder, folder.read_record().views, capture.depth_sigma)
    baked = bake(texels, np.full((len(texels.points), 3), 90.0), photos)
    assert 0.8 < baked.seen.mean() < 1
    wrong = np.abs(baked.color - truth(texels))[baked.seen]
    assert wrong.mean() < 2 and np.percentile(wrong, 99) < 8


def test_exposures_of_the_views_are_evened_out(ball, tmp_path):
    gains = np.exp(0.3 * np.sin(np.arange(8.0)))
    capture, folder = prepared(tmp_path, gains=gains / np.exp(np.log(gains).mean()), size=96)
    texels, bake = texels_on(ball), baker()
    photos = bake.photos(ball, folder, folder.read_record().views, capture.depth_sigma)
    np.testing.assert_allclose(photos.gains.mean(1), gains / np.exp(np.log(gains).mean()), rtol=0.05)
    baked = bake(texels, np.full((len(texels.points), 3), 90.0), photos)
    assert np.abs(baked.color - truth(texels))[baked.seen].mean() < 5


def test_what_stands_in_front_is_not_painted_onto_the_object(ball, tmp_path):
    capture, folder = prepared(tmp_path, size=96)
    one = folder.read_record().views[:1]
    texels, bake = texels_on(ball), baker(fade_m=1e-6)
    known = np.full((len(texels.points), 3), 90.0)
    baked = bake(texels, known, bake.photos(ball, folder, one, capture.depth_sigma))
    away = np.einsum("nd,nd->n", one[0].camera_to_world[:3, 3] - texels.points, texels.normals) < 0
    assert 0.05 < baked.seen.mean() < 0.4 and not baked.seen[away].any()
    np.testing.assert_allclose(baked.color[~baked.seen], 90, atol=1e-3)


def test_a_mesh_beside_the_measured_surface_is_not_painted(ball, tmp_path):
    capture, folder = prepared(tmp_path, size=96)
    smaller = ball.copy()
    smaller.apply_scale(0.7)  # 9 cm inside what the sensor measured
    photos = baker().photos(smaller, folder, folder.read_record().views, capture.depth_sigma)
    assert not any(view.usable.any() for view in photos.views)


def test_colours_go_over_into_the_known_ones_with_distance():
    line = np.stack([np.linspace(0, 1, 101), np.zeros(101), np.zeros(101)], 1)
    seen = np.zeros((5, 3))
    got = faded(seen, seen + 200, seen + 100, line, np.full((101, 3), 100.0), reach=0.5, seed=0)[:, 0]
    assert got[0] == pytest.approx(200) and got[-1] == pytest.approx(100)
    assert (np.diff(got) <= 1e-4).all() and got[25] == pytest.approx(150, abs=1)


@pytest.mark.parametrize(("off", "expected"), [(5.0, [125.0, 85.0]), (200.0, [220.0, 220.0])])
def test_known_colours_keep_their_detail_unless_they_are_far_off(off, expected):
    """Seen is 20 + off, known there 20; the two unseen points right beside it are known as 120 and 80."""
    here, seen = np.zeros((1, 3)), np.full((1, 3), 20.0)
    beside = np.full((2, 3), 1e-6)
    known = np.array([[120.0] * 3, [80.0] * 3])
    got = faded(here, seen + off, seen, beside, known, reach=0.5, seed=0)
    np.testing.assert_allclose(got[:, 0], expected, atol=2)


def test_nothing_seen_keeps_the_known_colours():
    known = np.random.default_rng(0).random((7, 3)) * 255
    none = np.zeros((0, 3))
    np.testing.assert_allclose(faded(none, none, none, known, known, reach=1.0, seed=0), known, rtol=1e-6)


def test_the_colour_at_a_vertex_is_its_own(ball):
    rgb = np.random.default_rng(0).integers(0, 255, (len(ball.vertices), 3)).astype(np.uint8)
    np.testing.assert_allclose(nearest_colors(np.asarray(ball.vertices), rgb, ball.vertices[:9]), rgb[:9], atol=0.1)
