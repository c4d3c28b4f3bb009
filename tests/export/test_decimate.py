"""Fewer faces: the same body, still closed."""

import numpy as np
import pytest
import trimesh
from closed_bodies import bowl

from o2recon.export import decimated, is_closed
from o2recon.export.decimate import _drawn_apart

pytest.importorskip("fast_simplification")


def test_a_closed_mesh_keeps_its_volume_and_stays_closed():
    sphere = trimesh.creation.icosphere(subdivisions=5, radius=0.4)
    sphere.apply_translation([30, -20, 1])
    fewer = decimated(sphere, max_faces=2000)
    assert len(fewer.faces) <= 2000 and is_closed(fewer)
    assert fewer.volume == pytest.approx(sphere.volume, rel=0.01)
    np.testing.assert_allclose(fewer.bounds, sphere.bounds, atol=0.004)


def test_a_small_mesh_stays_as_it_is():
    box = trimesh.creation.box()
    np.testing.assert_array_equal(decimated(box, max_faces=12).faces, box.faces)


def test_an_open_mesh_is_simplified_too_and_stays_open():
    half = bowl(4)
    fewer = decimated(half, max_faces=500)
    assert 0 < len(fewer.faces) <= 500 and not is_closed(fewer)


def test_boxes_that_touch_in_an_edge_are_drawn_apart():
    vertices = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (0, 1)], float)
    boxes = [trimesh.creation.box(bounds=[[-1, -1, 0], [0, 0, 1]]), trimesh.creation.box(bounds=[[0, 0, 0], [1, 1, 1]])]
    index = {tuple(v): i for i, v in enumerate(vertices)}
    faces = np.concatenate([[[index[tuple(b.vertices[i])] for i in face] for face in b.faces] for b in boxes])
    touching = trimesh.Trimesh(vertices, faces, process=False)
    touching.remove_unreferenced_vertices()
    assert not is_closed(touching)
    apart = trimesh.Trimesh(*(_drawn_apart(touching).vertices, _drawn_apart(touching).faces))
    assert is_closed(apart) and apart.volume == pytest.approx(2, abs=1e-3)
