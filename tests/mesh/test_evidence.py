"""Evidence and visibility on a sphere whose every pixel is known."""

import numpy as np
import pytest
import trimesh
from sphere_scene import sphere_scene

from o2recon.mesh import DepthView, area_shares, vertex_evidence, visible_faces
from o2recon.mesh.evidence import GUESSED, INPAINTED, SEEN


def sigma(z: np.ndarray) -> np.ndarray:
    return 0.0012 + 0.0019 * (z - 0.4) ** 2


def ball(scene, radius: float | None = None) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius or scene.radius)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.3, [1, 2, 3]))
    mesh.apply_translation(scene.frame.center)
    return mesh


def test_seen_inpainted_and_guessed_are_told_apart():
    scene = sphere_scene(num_views=1, size=256, turn=0.5, shift=(3, 1, 2))
    view, mesh = scene.views[0], ball(scene)
    evidence = vertex_evidence(mesh, scene.views, depth_sigma=sigma, margin=0.01)
    away = np.einsum("nd,nd->n", view.camera_to_world[:3, 3] - mesh.vertices, mesh.vertex_normals) < 0
    assert (evidence.source[away] == GUESSED).all() and (evidence.value[away] == 0).all()
    assert (evidence.value[evidence.source == SEEN] == 1).all()
    np.testing.assert_allclose(evidence.value[evidence.source == INPAINTED], 0.8, atol=1e-6)
    shares = area_shares(mesh, evidence)
    assert sum(shares.values()) == pytest.approx(1)
    cap = (1 - scene.radius / np.linalg.norm(view.camera_to_world[:3, 3] - scene.frame.center)) / 2
    assert shares["seen"] + shares["inpainted"] == pytest.approx(cap, abs=0.04)
    assert shares["inpainted"] > 0.05


def test_a_surface_away_from_the_measured_depth_is_guessed():
    scene = sphere_scene(num_views=4, size=64)
    far = vertex_evidence(ball(scene, 0.25), scene.views, depth_sigma=sigma, margin=0.01)
    assert (far.source == GUESSED).mean() > 0.95


def test_being_seen_once_is_enough():
    scene = sphere_scene(num_views=8, size=64)
    one = vertex_evidence(ball(scene), scene.views[:1], depth_sigma=sigma, margin=0.01)
    all_views = vertex_evidence(ball(scene), scene.views, depth_sigma=sigma, margin=0.01)
    assert (all_views.source >= one.source).all() and (all_views.value >= one.value).all()


def test_visible_faces_are_those_before_the_scene_and_not_behind_the_mesh_itself():
    scene = sphere_scene(num_views=1, size=256)
    view, mesh = scene.views[0], ball(scene)
    seen = visible_faces(
        mesh, [DepthView(view.camera, view.camera_to_world, view.depth)], depth_sigma=sigma, margin=0.01
    )
    towards = np.einsum(
        "nd,nd->n", view.camera_to_world[:3, 3] - mesh.triangles_center, mesh.face_normals
    ) / np.linalg.norm(view.camera_to_world[:3, 3] - mesh.triangles_center, axis=1)
    local = (mesh.triangles_center - view.camera_to_world[:3, 3]) @ view.camera_to_world[:3, :3]
    column = local[:, 0] / local[:, 2] * view.camera.intrinsics[0, 0] + view.camera.intrinsics[0, 2]
    free = column > view.camera.width * 2 // 5
    clear = np.abs(column - view.camera.width * 2 // 5) > 4
    assert not seen[towards < 0].any()
    assert seen[(towards > 0.3) & free & clear].all()
    assert not seen[~free & clear].any()
