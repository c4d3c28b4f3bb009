"""What is shown for a selection."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from o2recon.web.nodes import CameraNode, GridNode, LabelNode, MeshNode, TruthNode, shown_nodes
from o2recon.web.selection import Selection, first_selection, fitted
from o2recon.web.study import Study

NONE = ("quick", "none", "0")


@pytest.fixture(scope="module")
def room(study: Study) -> Selection:
    return fitted(replace(first_selection(study), scene="room"), study)


def test_the_first_selection_is_an_object_that_is_done(study: Study, room: Selection) -> None:
    assert room.method == NONE and room.object == "2"
    assert fitted(replace(room, object="4"), study).object == "4"  # a failed one can be chosen, to read why


def test_what_a_scene_does_not_have_is_replaced(study: Study, room: Selection) -> None:
    attic = fitted(replace(room, scene="attic", method=("quick", "no_inpaint", "0"), object="3", layer="error"), study)
    assert (attic.scene, attic.method, attic.object, attic.layer) == ("attic", NONE, "2", "error")
    assert fitted(replace(room, scene="gone"), study).scene == "attic"


def test_all_objects_of_the_scene_stand_there_but_failed_ones(study: Study, room: Selection) -> None:
    nodes = shown_nodes(study, room)
    meshes = {name: node for name, node in nodes.items() if isinstance(node, MeshNode)}
    assert set(meshes) == {"/objects/2/complete", "/objects/3/complete"}
    only = shown_nodes(study, replace(room, only=True))
    assert [n for n in only if n.startswith("/objects")] == ["/objects/2/complete"]


def test_switches_show_and_hide(study: Study, room: Selection) -> None:
    bare = replace(room, complete=False, cameras=False, labels=False, grid=False)
    assert shown_nodes(study, bare) == {}
    assert set(shown_nodes(study, replace(bare, visible=True))) == {"/objects/2/visible"}
    assert set(shown_nodes(study, replace(bare, truth=True))) == {"/objects/2/truth"}
    assert set(shown_nodes(study, replace(bare, hidden=True))) == {"/objects/2/hidden"}
    assert set(shown_nodes(study, replace(bare, labels=True))) == {"/labels/2"}  # 3 and 4 were never prepared


def test_cameras_are_the_chosen_views_of_the_selected_object(study: Study, room: Selection) -> None:
    cameras = [n for n in shown_nodes(study, replace(room, picture="masks")).values() if isinstance(n, CameraNode)]
    assert [c.index for c in cameras] == [10 * i for i in range(9)]
    assert [c.index for c in cameras if c.held_out] == [70]
    assert {c.picture for c in cameras} == {"masks"}
    others = shown_nodes(study, replace(room, object="3"))
    assert not any(isinstance(n, CameraNode) for n in others.values())


def test_only_the_error_layer_depends_on_truth_and_prediction(study: Study, room: Selection) -> None:
    for layer in ("own", "evidence", "error"):
        nodes = shown_nodes(study, replace(room, layer=layer, truth=True))
        mesh, truth = nodes["/objects/2/complete"], nodes["/objects/2/truth"]
        assert isinstance(mesh, MeshNode) and isinstance(truth, TruthNode)
        assert (mesh.truth is not None) == (truth.prediction is not None) == (layer == "error")


def test_a_new_mesh_is_another_node(study: Study, room: Selection, tmp_path: Path) -> None:
    nodes = shown_nodes(study, room)
    mesh = nodes["/objects/2/complete"]
    assert isinstance(mesh, MeshNode)
    assert shown_nodes(study, room) == nodes
    assert mesh != replace(mesh, stamp=mesh.stamp + 1)


def test_the_name_floats_above_the_box_and_the_grid_lies_on_the_floor(study: Study, room: Selection) -> None:
    nodes = shown_nodes(study, room)
    label, grid = nodes["/labels/2"], nodes["/floor"]
    assert isinstance(label, LabelNode) and label.text == "2 chair"
    np.testing.assert_allclose(label.position, (2.0, 1.0, 1.05))
    assert isinstance(grid, GridNode) and grid.position == (2.0, 1.0, 0.0)
    assert grid.size / 2 > 0.3 and grid.size % 2 == 0
