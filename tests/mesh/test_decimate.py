"""Smaller meshes stay closed and near."""

import numpy as np
import pytest
import trimesh

from o2recon.mesh import decimate, set_colors, stored_colors


def test_a_decimated_ball_is_closed_and_has_its_volume_and_colours():
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=0.5)
    set_colors(mesh, np.where(mesh.vertices[:, 2:] > 0, [255, 0, 0], [0, 0, 255]).astype(np.uint8))
    smaller = decimate(mesh, max_faces=2000)
    assert len(smaller.faces) <= 2000 and smaller.is_watertight
    assert smaller.volume == pytest.approx(mesh.volume, rel=0.01)
    top = smaller.vertices[:, 2] > 0.1
    assert (stored_colors(smaller)[top, 0] == 255).all()


def test_a_small_mesh_comes_back_as_it_is():
    mesh = trimesh.creation.box([1, 1, 1])
    assert decimate(mesh, max_faces=100) is mesh
