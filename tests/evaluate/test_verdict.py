"""The verdict without truth, and the whole evaluate stage, on a sphere known in closed form."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml
from sphere_scene import sphere_scene

import o2recon.conf as conf
from o2recon.evaluate import Evaluator, HeldOut, Limits, held_out_agreement, sample_surface, seen_points, verdict
from o2recon.mesh import DepthView, write_ply

LIMITS = Limits(depth_residual_cm=(1.0, 2.5), silhouette_iou=(0.9, 0.75), guessed=(0.5, 0.75))
SHARES = {"seen": 0.6, "inpainted": 0.1, "guessed": 0.3}


def sigma(z: np.ndarray) -> np.ndarray:
    return 0.0012 + 0.0019 * (z - 0.4) ** 2


def ball(scene, radius: float) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    mesh.apply_translation(scene.frame.center)
    return mesh


def options_of_the_config() -> dict:
    content = yaml.safe_load((Path(conf.__path__[0]) / "evaluate" / "default.yaml").read_text())
    content.pop("_target_")
    return content


@pytest.fixture
def evaluator() -> Evaluator:
    return Evaluator(**options_of_the_config())


def test_the_true_shape_agrees_with_every_view():
    scene = sphere_scene(num_views=3, size=96, turn=0.3, shift=(1, 2, 0))
    agreement = held_out_agreement(ball(scene, scene.radius), scene.views, depth_sigma=sigma, margin=0.01)
    assert agreement.held_out_depth_residual_cm < 0.1
    assert agreement.silhouette_iou > 0.97 and agreement.covered > 0.98 and agreement.views == 3


def test_a_fat_and_a_thin_shape_are_found_out():
    scene = sphere_scene(num_views=3, size=96)
    for radius in (0.33, 0.27):
        agreement = held_out_agreement(ball(scene, radius), scene.views, depth_sigma=sigma, margin=0.01)
        assert agreement.held_out_depth_residual_cm == pytest.approx(3.4, abs=0.8)
        assert agreement.silhouette_iou < 0.9


def test_without_views_there_is_no_agreement_and_the_reason_says_so():
    nothing = held_out_agreement(trimesh.creation.box([1, 1, 1]), [], depth_sigma=sigma, margin=0.01)
    assert nothing == HeldOut(None, None, None, 0, None, None)
    assert "no held-out view" in verdict(nothing, SHARES, watertight=True, pieces=1, limits=LIMITS)["reason"]


@pytest.mark.parametrize(
    ("residual", "iou", "guessed", "closed", "pieces", "grade"),
    [
        (0.5, 0.95, 0.3, True, 1, "good"),
        (1.5, 0.95, 0.3, True, 1, "fair"),
        (0.5, 0.80, 0.3, True, 1, "fair"),
        (0.5, 0.95, 0.6, True, 1, "fair"),
        (0.5, 0.95, 0.3, True, 2, "fair"),
        (0.5, 0.60, 0.3, True, 1, "poor"),
        (0.5, 0.95, 0.3, False, 1, "poor"),
    ],
)
def test_the_weakest_measure_decides(residual, iou, guessed, closed, pieces, grade):
    shares = {"seen": 1 - guessed, "inpainted": 0.0, "guessed": guessed}
    told = verdict(HeldOut(residual, 1.0, iou, 2, None, None), shares, watertight=closed, pieces=pieces, limits=LIMITS)
    assert told["grade"] == grade and told["reason"]


def test_seen_is_what_faces_a_view_at_its_depth():
    scene = sphere_scene(num_views=8, size=128)
    samples = sample_surface(ball(scene, scene.radius), count=4000, seed=0)
    depths = [DepthView(v.camera, v.camera_to_world, v.depth) for v in scene.views]
    one = seen_points(samples.points, samples.normals, depths[:1], depth_sigma=sigma, margin=0.01)
    every = seen_points(samples.points, samples.normals, depths, depth_sigma=sigma, margin=0.01)
    away = np.einsum("nd,nd->n", depths[0].camera_to_world[:3, 3] - samples.points, samples.normals) < 0
    assert not one[away].any() and (every >= one).all() and every.mean() > 0.6


def test_the_stage_gives_all_keys_with_truth_and_only_a_verdict_without(evaluator, tmp_path):
    scene = sphere_scene(num_views=8, size=64)
    folder = scene.write(tmp_path / "work")
    write_ply(tmp_path / "out" / "mesh.ply", ball(scene, scene.radius))
    alone = evaluator(tmp_path / "out" / "mesh.ply", folder, None)
    assert alone.metrics is None and alone.verdict["grade"] == "good" and alone.verdict["views"] == 1
    (tmp_path / "truth").mkdir()
    ball(scene, scene.radius).export(tmp_path / "truth" / "1.ply")
    known = evaluator(tmp_path / "out" / "mesh.ply", folder, tmp_path / "truth")
    assert set(known.metrics) == {"visible", "complete", "hidden", "o2recon_protocol"}
    assert known.metrics["complete"]["iou"] > 0.99 and known.metrics["visible"]["f_score_2cm"] > 0.99
    assert known.metrics["o2recon_protocol"]["chamfer_m"] < 1e-4
    json.dumps([known.metrics, known.verdict], allow_nan=False)


def test_a_missing_mesh_scores_zero_and_is_poor(evaluator, tmp_path):
    scene = sphere_scene(num_views=1, size=32)
    folder = scene.write(tmp_path / "work")
    (tmp_path / "truth").mkdir()
    ball(scene, scene.radius).export(tmp_path / "truth" / "1.ply")
    failed = evaluator(None, folder, tmp_path / "truth")
    assert failed.metrics["complete"]["f_score_5cm"] == 0 and failed.verdict["grade"] == "poor"
    assert failed.metrics["o2recon_protocol"]["accuracy_m"] is None


def test_the_stage_says_what_the_mesh_is_by_itself(evaluator, tmp_path):
    """The floor lies 5 cm under a ball, which its lowest vertices bear: they surround its pole."""
    scene = sphere_scene(num_views=8, size=64)
    folder = scene.write(tmp_path / "work")
    write_ply(tmp_path / "mesh.ply", ball(scene, scene.radius))
    unknown = evaluator(tmp_path / "mesh.ply", folder, None).mesh
    assert unknown["floor_gap_cm"] is None and unknown["stable"] is None and unknown["self_intersections"] == 0
    assert unknown["watertight"] is True and unknown["components"] == 1
    folder.write_record(replace(folder.read_record(), floor=-scene.radius - 0.05))
    known = evaluator(tmp_path / "mesh.ply", folder, None).mesh
    assert known["floor_gap_cm"] == pytest.approx(5, abs=0.01) and known["stable"] is True
    json.dumps(known, allow_nan=False)


@pytest.mark.parametrize("truth", [False, True])
def test_a_failed_object_has_a_verdict_and_scores_zero(evaluator, tmp_path, truth):
    scene = sphere_scene(num_views=8, size=48)
    if truth:
        ball(scene, scene.radius).export(tmp_path / "1.ply")
    failed = evaluator(None, scene.write(tmp_path / "work"), tmp_path if truth else None)
    assert failed.verdict["grade"] == "poor" and "no mesh" in failed.verdict["reason"] and failed.mesh == {}
    assert failed.metrics["complete"]["f_score_5cm"] == 0 if truth else failed.metrics is None


def test_an_object_without_held_out_views_is_graded_by_its_evidence(evaluator, tmp_path):
    scene = sphere_scene(num_views=5, size=64)
    write_ply(tmp_path / "mesh.ply", ball(scene, scene.radius))
    told = evaluator(tmp_path / "mesh.ply", scene.write(tmp_path / "work"), None).verdict
    assert told["grade"] in ("good", "fair", "poor") and "no held-out view shows it" in told["reason"]
    nothing = ("held_out_depth_residual_cm", "covered", "silhouette_iou", "psnr_db", "ssim")
    assert [told[key] for key in nothing] == [None] * 5 and told["views"] == 0


def test_thresholds_are_those_of_the_config_and_must_be_positive(tmp_path):
    options = options_of_the_config()
    scene = sphere_scene(num_views=8, size=48)
    write_ply(tmp_path / "mesh.ply", ball(scene, scene.radius))
    ball(scene, scene.radius).export(tmp_path / "1.ply")
    values = Evaluator(**options | {"thresholds_cm": [0.5, 3]})(
        tmp_path / "mesh.ply", scene.write(tmp_path / "work"), tmp_path
    ).metrics["complete"]
    assert {key for key in values if key.startswith("f_score")} == {"f_score_0.5cm", "f_score_3cm"}
    for wrong in ([], [1, 0], [-2]):
        with pytest.raises(ValueError, match=r"evaluate\.thresholds_cm"):
            Evaluator(**options | {"thresholds_cm": wrong})
