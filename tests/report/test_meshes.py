from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
from made_up_study import shape, write_ply, write_truth

from o2recon.report.meshes import error_bytes, load_mesh, load_truth_of, page_mesh, page_truth, truth_error


def test_errors_are_bytes_of_their_distance_in_the_range() -> None:
    assert error_bytes(np.array([0.0, 0.025, 0.05, 9.0]), 0.05)[:, 0].tolist() == [0, 128, 255, 255]


def test_a_mesh_keeps_its_colours_evidence_and_errors(tmp_path: Path) -> None:
    truth = load_truth_of(write_truth(tmp_path, 2), "2")
    mesh = shape("chair", fine=0.01)
    write_ply(tmp_path / "mesh.ply", mesh)
    loaded = load_mesh(tmp_path / "mesh.ply")
    assert loaded is not None and loaded.evidence is not None and truth is not None
    small = page_mesh(loaded, truth, max_faces=4000, error_range=0.05)
    assert set(small.layers) == {"own", "evidence", "error"} and len(small.faces) <= 4000
    top, bottom = small.vertices[:, 2] > 0.9, small.vertices[:, 2] < 0.1
    assert set(small.layers["evidence"][top, 0].tolist()) == {255}
    assert set(small.layers["evidence"][bottom, 0].tolist()) == {0}
    between = small.layers["evidence"][(small.vertices[:, 2] > 0.3) & (small.vertices[:, 2] < 0.4), 0]
    assert between.min() > 0 and between.max() < 255
    assert small.layers["error"][bottom].max() < 40


def test_what_the_prediction_misses_shows_on_the_truth(tmp_path: Path) -> None:
    truth = load_truth_of(write_truth(tmp_path, 2), "2")
    assert truth is not None
    write_ply(tmp_path / "mesh.ply", shape("box"))
    loaded = load_mesh(tmp_path / "mesh.ply")
    assert loaded is not None
    small = page_truth(truth, max_faces=4000)
    assert 1000 < len(small.faces) <= 4000
    missed = truth_error(small, loaded, error_range=0.05)
    assert set(missed[small.vertices[:, 2] > 0.7, 0].tolist()) == {255}


def test_the_hidden_part_is_marked_on_truth_and_mesh(tmp_path: Path) -> None:
    truth = load_truth_of(write_truth(tmp_path, 2), "2")
    assert truth is not None
    truth = replace(truth, seen=truth.points[:, 2] > 0.5)
    write_ply(tmp_path / "mesh.ply", shape("chair", fine=0.01))
    loaded = load_mesh(tmp_path / "mesh.ply")
    assert loaded is not None
    for small in (page_truth(truth, max_faces=4000), page_mesh(loaded, truth, max_faces=4000, error_range=0.05)):
        clear = np.abs(small.vertices[:, 2] - 0.5) > 0.05
        assert np.array_equal(small.layers["hidden"][clear, 0] == 255, small.vertices[clear, 2] < 0.5)


def test_a_point_set_is_truth_too(tmp_path: Path) -> None:
    points = np.asarray(shape("ball").vertices)
    trimesh.PointCloud(points).export(tmp_path / "7.ply")
    truth = load_truth_of(tmp_path / "7.ply", "7")
    assert truth is not None
    small = page_truth(truth, max_faces=1000)
    assert len(small.faces) == 0 and len(small.vertices) == len(points)


def test_a_damaged_or_missing_mesh_is_no_mesh(tmp_path: Path) -> None:
    assert load_mesh(tmp_path / "mesh.ply") is None
    (tmp_path / "mesh.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    assert load_mesh(tmp_path / "mesh.ply") is None
