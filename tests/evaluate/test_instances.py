"""Ground truth built from ScanNet's annotation."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_up_results import CENTERS, RADIUS, annotated_scan
from scipy.spatial import cKDTree

from o2recon.evaluate import load_truth
from o2recon.evaluate.instances import has_annotation, instance_labels, read_instances, write_instances

SCENES = {"room_dining": 6, "room_living": 5, "room_gym": 5, "kitchen_a": 2}


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return annotated_scan(tmp_path / "scene0001_00", order=(3, 1, 2))


def replaced(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_an_instance_has_the_vertices_of_its_segments_whatever_the_order_of_the_groups(scan: Path) -> None:
    found = {i.object: i for i in read_instances(scan)}
    assert list(found) == [1, 2, 3, 9] and found[2].label == "ball 2"
    for object_id, center in CENTERS.items():
        points = found[object_id].points
        assert len(points) == 2562
        np.testing.assert_allclose(np.linalg.norm(points - center, axis=1), RADIUS, atol=1e-6)


def test_written_instances_are_an_observed_point_set(scan: Path, tmp_path: Path) -> None:
    files = write_instances(scan, tmp_path / "groundtruth")
    assert [f.name for f in files] == ["1.ply", "2.ply", "3.ply", "9.ply"]
    truth = load_truth(tmp_path / "groundtruth", 3)
    assert truth.observed_only
    np.testing.assert_array_equal(np.sort(truth.points, 0), np.sort(read_instances(scan)[2].points, 0))


def test_labels_are_known_without_the_mesh(scan: Path, tmp_path: Path) -> None:
    next(scan.glob("*.ply")).unlink()
    assert not has_annotation(scan)
    assert instance_labels(scan) == {1: "ball 1", 2: "ball 2", 3: "ball 3", 9: "floor"}
    assert instance_labels(tmp_path) == {}


def test_of_two_aggregations_the_one_made_for_these_segments_is_used(scan: Path) -> None:
    first = next(scan.glob("*_vh_clean.aggregation.json"))
    group = {"objectId": 4, "segments": [10], "label": "half a ball"}
    other = {"segmentsFile": "scannet.scene0001_00_vh_clean_2.0.010000.segs.json", "segGroups": [group]}
    (scan / "scene0001_00.aggregation.json").write_text(json.dumps(other))
    replaced(first, segmentsFile="scannet.scene0001_00_vh_clean.segs.json")
    assert [i.object for i in read_instances(scan)] == [5]


def test_damaged_files_are_named(scan: Path) -> None:
    segments, aggregation = next(scan.glob("*.segs.json")), next(scan.glob("*.aggregation.json"))
    whole = segments.read_text()
    replaced(segments, segIndices=[1, 2, 3])
    with pytest.raises(ValueError, match=r"segs\.json labels 3 vertices, .*_vh_clean_2\.ply has"):
        read_instances(scan)
    segments.write_text(whole)
    groups = json.loads(aggregation.read_text())["segGroups"]
    replaced(aggregation, segGroups=[groups[0], groups[0]])
    with pytest.raises(ValueError, match="objectId 2 is there twice"):
        read_instances(scan)
    aggregation.write_text("{")
    with pytest.raises(ValueError, match=r"aggregation\.json cannot be read as JSON"):
        read_instances(scan)
    segments.unlink()
    with pytest.raises(ValueError, match=r"segs\.json is missing"):
        read_instances(scan)


@pytest.mark.parametrize("scene", SCENES)
def test_instances_of_scans_lie_on_their_true_meshes(shared_data: Path, scene: str) -> None:
    """Within the labels' reach (4 cm; 6.1 cm of the real scan), most within 1 cm; every other object is far away."""
    found = {i.object: i for i in read_instances(shared_data / scene)}
    truth = {i: load_truth(shared_data / scene / "groundtruth", i).points for i in found}
    assert len(found) == SCENES[scene]
    for object_id, instance in found.items():
        distance = {i: cKDTree(points).query(instance.points[::4])[0] for i, points in truth.items()}
        own = distance.pop(object_id)
        assert np.median(own) < 0.01 and own.max() < 0.065
        assert all(np.median(other) > 0.2 for other in distance.values())
