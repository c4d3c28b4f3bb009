from pathlib import Path

import numpy as np
import trimesh
from made_up_study import shape, write_ply, write_truth

from o2recon.report.colors import ERROR_SCALE, GUESSED, SEEN, error_colors, rgb
from o2recon.report.meshes import load_mesh, load_truth_of, page_mesh, page_truth


def test_errors_are_coloured_by_their_distance_in_the_range() -> None:
    colors = error_colors(np.array([0.0, 0.025, 0.05, 9.0]), 0.05).astype(float)
    assert np.array_equal(
        colors, [rgb(ERROR_SCALE[0]), rgb(ERROR_SCALE[2]), rgb(ERROR_SCALE[-1]), rgb(ERROR_SCALE[-1])]
    )


def test_a_mesh_keeps_its_colours_evidence_and_errors(tmp_path: Path) -> None:
    truth = load_truth_of(write_truth(tmp_path, 2), "2")
    mesh = shape("chair", fine=0.01)
    write_ply(tmp_path / "mesh.ply", mesh)
    loaded = load_mesh(tmp_path / "mesh.ply")
    assert loaded is not None and loaded.evidence is not None and truth is not None
    small = page_mesh(loaded, truth, max_faces=4000, error_range=0.05)
    assert set(small.colors) == {"own", "evidence", "error"} and len(small.faces) <= 4000
    top, bottom = small.vertices[:, 2] > 0.9, small.vertices[:, 2] < 0.1
    assert np.array_equal(np.unique(small.colors["evidence"][top], axis=0), [rgb(SEEN)])
    assert np.array_equal(np.unique(small.colors["evidence"][bottom], axis=0), [rgb(GUESSED)])
    pale = small.colors["error"].astype(float)[bottom]
    assert np.abs(pale - rgb(ERROR_SCALE[0])).max() < 25


def test_what_the_prediction_misses_shows_on_the_truth(tmp_path: Path) -> None:
    truth = load_truth_of(write_truth(tmp_path, 2), "2")
    assert truth is not None
    write_ply(tmp_path / "mesh.ply", shape("box"))
    loaded = load_mesh(tmp_path / "mesh.ply")
    small = page_truth(truth, loaded, max_faces=4000, error_range=0.05)
    assert 1000 < len(small.faces) <= 4000
    assert np.array_equal(np.unique(small.colors["error"][small.vertices[:, 2] > 0.7], axis=0), [rgb(ERROR_SCALE[-1])])


def test_a_point_set_is_truth_too(tmp_path: Path) -> None:
    points = np.asarray(shape("ball").vertices)
    trimesh.PointCloud(points).export(tmp_path / "7.ply")
    truth = load_truth_of(tmp_path / "7.ply", "7")
    assert truth is not None
    small = page_truth(truth, None, max_faces=1000, error_range=0.05)
    assert len(small.faces) == 0 and len(small.vertices) == len(points)


def test_a_damaged_or_missing_mesh_is_no_mesh(tmp_path: Path) -> None:
    assert load_mesh(tmp_path / "mesh.ply") is None
    (tmp_path / "mesh.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    assert load_mesh(tmp_path / "mesh.ply") is None
