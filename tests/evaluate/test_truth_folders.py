"""Finding the truth of scenes in everybody's layouts."""

from pathlib import Path

import numpy as np
import pytest
from made_up_results import CENTERS, annotated_scan, own_truth, published_truth, sphere, write_cloud

from o2recon.evaluate import load_truth
from o2recon.evaluate.truth_folders import ANNOTATION, CAD, OWN, VERTICES, SceneTruth, TruthFolders


def truth_of(root: Path, scene: str, tmp_path: Path, *, alone: bool = False) -> SceneTruth | None:
    return TruthFolders([root], tmp_path / "written")(scene, alone=alone)


@pytest.mark.parametrize("below", ["", "groundtruth", "room_a", "room_a/groundtruth", "room_a_scannet"])
def test_own_truth_is_used_where_it_lies(tmp_path: Path, below: str) -> None:
    folder = own_truth(tmp_path / "given" / below)
    truth = truth_of(tmp_path / "given", "room_a", tmp_path, alone=True)
    assert truth is not None and truth.kinds == (OWN,) and truth.folder == folder and truth.objects == (1, 2, 3)
    assert not (tmp_path / "written").exists()


def test_the_truth_of_one_scene_is_not_taken_for_another(tmp_path: Path) -> None:
    own_truth(tmp_path / "room_a" / "groundtruth")
    for root in (tmp_path, tmp_path / "room_a", tmp_path / "room_a" / "groundtruth"):
        assert truth_of(root, "room_a", tmp_path) is not None
        assert truth_of(root, "room_b", tmp_path) is None


def test_numbers_of_the_originals_truth_are_one_below_the_ids(tmp_path: Path) -> None:
    root = published_truth(tmp_path / "original", "scene0005_00", without_cad=(2,))
    truth = truth_of(root, "scene0005_00_scannet", tmp_path)
    assert truth is not None and truth.kinds == (VERTICES, CAD) and truth.objects == (1, 2, 3)
    assert truth.folder == tmp_path / "written" / "scene0005_00_scannet"
    assert {i: f.name for i, f in truth.cad.items()} == {1: "scannet_0_pointcloud.ply", 3: "scannet_2_pointcloud.ply"}
    for i, center in CENTERS.items():
        np.testing.assert_allclose(load_truth(truth.folder, i).points.mean(0), center, atol=1e-5)


def test_only_cad_points_are_no_truth_of_ours(tmp_path: Path) -> None:
    write_cloud(tmp_path / "cad" / "scene" / "scannet_4_pointcloud.ply", sphere(1))
    truth = truth_of(tmp_path / "cad", "scene", tmp_path)
    assert truth is not None and truth.folder is None and truth.kinds == (CAD,) and list(truth.cad) == [5]


def test_truth_is_built_from_an_annotation_and_own_truth_comes_first(tmp_path: Path) -> None:
    scan = annotated_scan(tmp_path / "scans" / "scene0001_00_scannet")
    truth = truth_of(tmp_path / "scans", "scene0001_00", tmp_path)
    assert truth is not None and truth.kinds == (ANNOTATION,) and truth.objects == (1, 2, 3, 9) and not truth.complete
    assert truth.categories[2] == "ball 2" and (tmp_path / "written" / "scene0001_00" / "2.ply").is_file()
    own_truth(scan / "groundtruth", ids=(2,))
    truth = truth_of(tmp_path / "scans", "scene0001_00", tmp_path)
    assert truth is not None and truth.kinds == (OWN,) and truth.complete and truth.categories[2] == "ball 2"


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no ground truth that is known: accepted are <id>\.ply"):
        TruthFolders([tmp_path], tmp_path / "written")
    with pytest.raises(ValueError, match="is no folder"):
        TruthFolders([tmp_path / "nothing"], tmp_path / "written")


def test_a_flat_truth_tells_its_scene(tmp_path: Path) -> None:
    own_truth(tmp_path / "room_a" / "groundtruth")
    for root, name in (
        (tmp_path / "room_a" / "groundtruth", "room_a"),
        (tmp_path / "room_a", "room_a"),
        (tmp_path, None),
    ):
        assert TruthFolders([root], tmp_path / "written").flat_name() == name
