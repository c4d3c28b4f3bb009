from pathlib import Path

import numpy as np
import pytest
from sphere_capture import prepared

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.cues import Cues, blend_normals, normals_from_depth, surface_depth
from o2recon.types import Camera
from o2recon.workspace import write_image

CAMERA = Camera(np.array([[150.0, 0, 60], [0, 150, 45], [0, 0, 1]]), 120, 90)
RAYS = unnormalized_rays(CAMERA, pixel_centers(CAMERA))
SIGMA = np.full((90, 120), 0.003, np.float32)


def normals(depth: np.ndarray, sigma: np.ndarray = SIGMA) -> np.ndarray:
    return normals_from_depth(
        depth.astype(np.float32),
        CAMERA,
        sigma,
        radii_px=(3, 6, 12),
        residual_sigmas=1.0,
        last_residual_sigmas=3.0,
        own_sigmas=2.5,
        min_share=0.3,
    )


def angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip((first * second).sum(-1), -1, 1)))


@pytest.mark.parametrize("normal", [[0, 0, -1.0], [0.6, 0, -0.8], [-0.48, 0.6, -0.64]])
def test_plane_has_its_normal_everywhere(normal: list[float]) -> None:
    depth = -1.5 / (RAYS @ np.array(normal))
    assert angle(normals(depth), np.array(normal)).max() < 0.1


def test_noise_on_a_plane_is_smoothed_away() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0.6, 0, -0.8])
    depth = -1.5 / (RAYS @ truth) + 0.003 * rng.standard_normal(SIGMA.shape)
    found = normals(depth, 1.2 * SIGMA)
    assert (found != 0).any(-1).mean() > 0.9
    assert np.median(angle(found, truth)[(found != 0).any(-1)]) < 1.5


def test_sphere_has_radial_normals_that_face_the_camera() -> None:
    center, radius = np.array([0, 0, 2.0]), 0.5
    a, b = (RAYS**2).sum(-1), RAYS @ center
    root = b**2 - a * (center @ center - radius**2)
    hit = root > 0
    depth = np.where(hit, (b - np.sqrt(np.maximum(root, 0))) / a, 0)
    found = normals(depth)
    has = (found != 0).any(-1)
    assert not has[~hit].any() and has.sum() > 0.75 * hit.sum()
    truth = (RAYS * depth[..., None] - center) / radius
    assert np.median(angle(found, truth)[has]) < 2
    assert ((found * RAYS).sum(-1)[has] < 0).all()


def test_crease_stays_sharp() -> None:
    left, right = np.array([0.6, 0, -0.8]), np.array([-0.6, 0, -0.8])
    depth = np.maximum(-1.2 / (RAYS @ left), -1.2 / (RAYS @ right))
    found = normals(depth, SIGMA / 3)
    truth = np.where((RAYS[..., :1] > 0), left if depth[0, -1] == -1.2 / (RAYS @ left)[0, -1] else right, 0)
    off = (RAYS[..., 0] > 0.03) & (found != 0).any(-1)
    assert np.percentile(angle(found, truth)[off], 95) < 3


def test_normals_do_not_depend_on_the_unit_of_length() -> None:
    depth = -1.5 / (RAYS @ np.array([0.6, 0, -0.8]))
    np.testing.assert_allclose(normals(depth), normals(10 * depth, 10 * SIGMA), atol=1e-4)


def test_mixed_pixels_and_other_surfaces_are_no_depth_cue() -> None:
    depth = np.full((90, 120), 2.0, np.float32)
    depth[40, 60] = 2.3
    mask = np.ones((90, 120), bool)
    mask[:, :10] = False
    found = surface_depth(depth, mask, SIGMA, jump=0.02, num_sigmas=2.5)
    assert found[40, 60] == 0 and not found[:, :10].any()
    assert np.count_nonzero(found) == 90 * 110 - 1


def test_blend_takes_what_there_is() -> None:
    first, second = np.zeros((1, 3, 3)), np.zeros((1, 3, 3))
    first[0, :2], second[0, 1:] = (0, 0, -1), (0.6, 0, -0.8)
    mixed = blend_normals(first, second, 0.5)[0]
    np.testing.assert_allclose(mixed[0], (0, 0, -1))
    np.testing.assert_allclose(mixed[2], (0.6, 0, -0.8), rtol=1e-6)
    np.testing.assert_allclose(mixed[1], np.array([0.6, 0, -1.8]) / np.hypot(0.6, 1.8), rtol=1e-6)


@pytest.mark.parametrize("fused_weight", [0.0, 0.5])
def test_stage_writes_the_spheres_normals_and_keeps_the_in_painted_ones(tmp_path: Path, fused_weight: float) -> None:
    capture, folder = prepared(tmp_path, size=96)
    for view in capture.sphere.views:
        write_image(folder.image("masks/hidden", view.index), view.hidden)
        folder.write_normal("inpainted/normal", view.index, np.where(view.hidden[..., None], view.normal, 0))
    cues = Cues(
        radii_px=[2, 4, 8],
        residual_sigmas=1.0,
        last_residual_sigmas=3.0,
        own_sigmas=2.5,
        min_share=0.3,
        jump=0.02,
        fused_weight=fused_weight,
        fused_evidence=0.5,
        fused_tolerance=0.02,
        crop_margin_px=4,
    )
    assert cues(capture, folder)["normal_share"] > 0.8
    for view in capture.sphere.views:
        found = folder.read_normal("cues/normal", view.index)
        seen = view.visible & (found != 0).any(-1)
        assert np.median(angle(found, view.normal)[seen]) < 5
        assert np.median(angle(found, view.normal)[view.hidden]) < 1
        assert not found[~(view.visible | view.hidden)].any()
