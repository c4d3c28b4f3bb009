"""Colours of a mesh against pictures: exact renderings, known errors, and scikit-image on the whole picture."""

import numpy as np
import pytest
import trimesh
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sphere_scene import sphere_scene

from o2recon.evaluate import held_out_agreement
from o2recon.evaluate.images import ImageAgreement, vertex_color_image
from o2recon.mesh.color import set_colors
from o2recon.mesh.raycast import Caster

RANDOM = np.random.default_rng(0)


def sigma(z: np.ndarray) -> np.ndarray:
    return 0.001 + 0 * z


def colored_ball(scene, rgb) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=scene.radius).apply_translation(scene.frame.center)
    set_colors(mesh, np.broadcast_to(np.asarray(rgb, np.uint8), (len(mesh.vertices), 3)).copy())
    return mesh


def test_over_the_whole_picture_it_is_what_scikit_image_says():
    truth = RANDOM.random((60, 80, 3))
    rendered = np.clip(truth + RANDOM.normal(size=truth.shape) * 0.1, 0, 1)
    agreement = ImageAgreement()
    agreement.add(rendered, truth, np.ones((60, 80), bool))
    assert agreement.psnr_db == pytest.approx(peak_signal_noise_ratio(truth, rendered, data_range=1))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    _, similarity = structural_similarity(rendered, truth, channel_axis=2, data_range=1, **options)
    assert agreement.ssim == pytest.approx(similarity.mean())


def test_pixels_that_are_not_compared_say_nothing():
    truth, compared = RANDOM.random((60, 80, 3)), np.zeros((60, 80), bool)
    compared[20:40, 30:50] = True
    rendered = truth.copy()
    rendered[compared] *= 0.8
    alone, spoiled = ImageAgreement(), ImageAgreement()
    alone.add(rendered, truth, compared)
    rendered[~compared] = RANDOM.random((int((~compared).sum()), 3))
    spoiled.add(rendered, truth, compared)
    assert (alone.psnr_db, alone.ssim) == (spoiled.psnr_db, spoiled.ssim) and 0 < alone.ssim < 1


def test_nothing_compared_is_none_and_equal_pictures_end_at_100_db():
    agreement, picture = ImageAgreement(), RANDOM.random((30, 30, 3))
    agreement.add(picture, picture, np.zeros((30, 30), bool))
    assert agreement.psnr_db is None and agreement.ssim is None
    agreement.add(picture, picture, np.ones((30, 30), bool))
    assert agreement.psnr_db == pytest.approx(100) and agreement.ssim == pytest.approx(1)


def test_a_ball_of_the_right_colour_agrees_and_a_darker_one_by_its_difference():
    scene = sphere_scene(num_views=3, size=96, turn=0.3)
    right = held_out_agreement(colored_ball(scene, [200, 80, 40]), scene.views, depth_sigma=sigma, margin=0.01)
    assert right.psnr_db == pytest.approx(100) and right.ssim == pytest.approx(1, abs=1e-6)
    dark = held_out_agreement(colored_ball(scene, [180, 60, 20]), scene.views, depth_sigma=sigma, margin=0.01)
    assert dark.psnr_db == pytest.approx(-20 * np.log10(20 / 255), abs=0.05) and dark.ssim < 0.99


def test_a_mesh_without_colours_has_no_image_metrics():
    scene = sphere_scene(num_views=2, size=64)
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=scene.radius).apply_translation(scene.frame.center)
    told = held_out_agreement(mesh, scene.views, depth_sigma=sigma, margin=0.01)
    assert told.psnr_db is None and told.ssim is None and told.silhouette_iou > 0.9


def test_colours_are_linear_between_the_vertices():
    """Vertices coloured by their height: a pixel's colour is the height of its point."""
    scene = sphere_scene(num_views=2, size=64)
    mesh = colored_ball(scene, [0, 0, 0])
    heights = (mesh.vertices[:, 2] - mesh.bounds[0, 2]) / np.ptp(mesh.bounds[:, 2])
    set_colors(mesh, np.repeat((255 * heights + 0.5).astype(np.uint8)[:, None], 3, 1))
    view = scene.views[0]
    depth, face = Caster(mesh).depth_image(view.camera, view.camera_to_world)
    rgb = np.asarray(mesh.visual.vertex_colors)[:, :3]
    picture = vertex_color_image(mesh, rgb, view, depth, face)
    expected = (mesh.triangles_center[face[face >= 0], 2] - mesh.bounds[0, 2]) / np.ptp(mesh.bounds[:, 2])
    np.testing.assert_allclose(picture[:, 0], expected, atol=0.02)
