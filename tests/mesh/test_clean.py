"""Floaters, cavities and buried pieces go; what views speak for stays; closed stays closed."""

import numpy as np
import pytest
import trimesh

from o2recon.mesh import remove_floaters, set_colors, split, stored_colors

RULE = {"min_area_share": 0.05, "min_evidence_share": 0.5, "min_evidence_area_share": 0.005}


def ball(radius: float, x: float) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    mesh.apply_translation([x, 0, 0])
    return mesh


def test_pieces_have_their_areas_and_signed_volumes():
    hole = ball(0.2, 0)
    hole.invert()
    pieces = split(trimesh.util.concatenate([ball(0.5, 0), hole, ball(0.1, 2)]))
    expected = [ball(0.5, 0).volume, -ball(0.2, 0).volume, ball(0.1, 0).volume]
    np.testing.assert_allclose(pieces.volume, expected, rtol=1e-9)
    np.testing.assert_allclose(pieces.area, [ball(0.5, 0).area, ball(0.2, 0).area, ball(0.1, 0).area], rtol=1e-9)


def test_small_pieces_go_unless_views_speak_for_them():
    big, small = ball(0.5, 0), ball(0.08, 1)
    mesh = trimesh.util.concatenate([big, small])
    assert split(remove_floaters(mesh, **RULE)).count == 1
    evidence = np.zeros(len(mesh.vertices))
    evidence[len(big.vertices) :] = 0.7
    kept = remove_floaters(mesh, evidence=evidence, **RULE)
    assert split(kept).count == 2 and kept.is_watertight


def test_cavities_and_buried_pieces_go_and_the_solid_stays():
    hole = ball(0.4, 0)
    hole.invert()
    mesh = trimesh.util.concatenate([ball(0.5, 0), hole, ball(0.3, 0)])
    kept = remove_floaters(mesh, evidence=np.ones(len(mesh.vertices)), **RULE)
    assert split(kept).count == 1 and kept.is_watertight
    assert kept.volume == pytest.approx(ball(0.5, 0).volume)


def test_an_open_mesh_keeps_its_pieces():
    sheet = trimesh.creation.box([1, 1, 1])
    sheet.update_faces(np.arange(12) > 1)
    sheet.invert()
    assert len(remove_floaters(sheet, **RULE).faces) == 10


def test_colours_and_attributes_follow_their_vertices():
    mesh = trimesh.util.concatenate([ball(0.08, 1), ball(0.5, 0)])
    colors = np.random.default_rng(0).integers(0, 255, (len(mesh.vertices), 3)).astype(np.uint8)
    set_colors(mesh, colors)
    mesh.vertex_attributes["evidence"] = np.arange(len(mesh.vertices), dtype=np.float32)
    kept = remove_floaters(mesh, **RULE)
    index = kept.vertex_attributes["evidence"].astype(int)
    np.testing.assert_array_equal(stored_colors(kept), colors[index])
    np.testing.assert_array_equal(kept.vertices, mesh.vertices[index])
