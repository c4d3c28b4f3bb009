"""`o2recon compare` on made-up results: what it recognises, how it counts, what it writes and how it ends."""

import csv
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trimesh
from made_up_results import (
    RADIUS,
    annotated_scan,
    own_truth,
    published,
    published_truth,
    sphere,
    write,
    write_cloud,
)
from made_up_study import write_run
from omegaconf import DictConfig, OmegaConf
from sphere_scene import sphere_scene

from o2recon.cli.compare import run
from o2recon.cli.errors import ObjectsFailed
from o2recon.cli.job import Job
from o2recon.cli.main import status_of
from o2recon.cli.options import composed

pytestmark = pytest.mark.usefixtures("few_samples")


@cache
def defaults() -> DictConfig:
    return composed("compare")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An empty working folder; the report is written only where a test is about it."""
    monkeypatch.chdir(tmp_path)
    if "report" not in request.node.name:
        monkeypatch.setattr("o2recon.cli.compare.write_report", lambda job: None)
    return tmp_path


@pytest.fixture
def mine(here: Path) -> Path:
    """`mine/room/<id>.ply`, perfect; its truth is `truth/room/<id>.ply`."""
    own_truth(here / "truth" / "room")
    return own_truth(here / "mine" / "room").parent


def compare(meshes: object, truth: str | None = "truth", **options: object) -> list[str]:
    """Run the stage, without the second that the command line takes to compose its config. Gives all stati."""
    config = defaults().copy()
    for key, option in {"meshes": meshes, "groundtruth": truth, **options}.items():
        OmegaConf.update(config, key.replace("__", "."), option, force_add=True)
    return [r["status"] for r in run(Job(config=config, experiment="quick", ablation="none", room="default"))]


def result(method: str, object_id: int, scene: str = "room", study: str = "main") -> dict[str, Any]:
    folder = Path("outputs", study, method, "none", scene, str(object_id), "seed_0")
    content = json.loads((folder / "result.json").read_text())
    assert isinstance(content, dict)
    return content


def value(method: str, object_id: int, part: str, key: str, scene: str = "room") -> Any:
    return result(method, object_id, scene)["metrics"][part][key]


def test_perfect_meshes_score_perfectly_and_stand_beside_ours_in_the_report(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(Path("outputs/main"), ("quick", "none"), ("room", 1))
    assert status_of(["compare", f"meshes={mine}", "groundtruth=truth"]) == 0
    printed = capsys.readouterr().out
    assert "plain folder, 3 objects of room by mine" in printed and "truth is <id>.ply, 3 objects" in printed
    for i in (1, 2, 3):
        assert value("mine", i, "complete", "f_score_5cm") == 1 and value("mine", i, "complete", "iou") > 0.99
        assert value("mine", i, "o2recon_protocol", "chamfer_m") == pytest.approx(0, abs=1e-6)
        assert result("mine", i)["verdict"] is None and result("mine", i)["mesh"]["watertight"]
    with open("outputs/main/report/table.csv") as file:
        methods = [row["experiment"] for row in csv.DictReader(file) if row["scene"] == "room"]
    assert sorted(methods) == ["mine", "mine", "mine", "quick"]
    assert Path("outputs/main/report/index.html").is_file()
    assert status_of(["status"]) == 0


def test_larger_spheres_are_off_by_the_difference_of_radii(here: Path) -> None:
    """Distances between concentric spheres are the difference of radii, in both protocols."""
    own_truth(here / "truth" / "room")
    write(here / "fat" / "room" / "1.stl", sphere(1, radius=RADIUS + 0.03))
    assert compare("fat", object=1) == ["ok"]
    assert value("fat", 1, "complete", "chamfer_cm") == pytest.approx(3, abs=0.15)
    assert (value("fat", 1, "complete", "f_score_2cm"), value("fat", 1, "complete", "f_score_5cm")) == (0, 1)
    assert value("fat", 1, "complete", "iou") == pytest.approx((RADIUS / (RADIUS + 0.03)) ** 3, abs=0.06)
    assert value("fat", 1, "o2recon_protocol", "chamfer_m") == pytest.approx(0.03, abs=1e-4)


def test_the_originals_layout_with_both_of_its_truths(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published(here / "results" / "newfilled_5", "scene0005_00", offset=0.03)
    published_truth(here / "evaluation", "scene0005_00", without_cad=(2,))
    assert compare("results/newfilled_5", "evaluation") == ["ok"] * 3
    printed = capsys.readouterr().out
    assert "in the original's layout" in printed and "skipped against CAD points" in printed
    for i in (1, 2, 3):
        metrics = result("newfilled_5", i, "scene0005_00")["metrics"]
        assert metrics["o2recon_protocol"]["chamfer_m"] == pytest.approx(0.03, abs=1e-4)
        assert metrics["complete"]["completeness_cm"] == pytest.approx(3, abs=0.2)
        assert metrics["complete"]["chamfer_cm"] is None
        assert ("o2recon_protocol_cad" in metrics) == (i != 2)
    cad = result("newfilled_5", 1, "scene0005_00")["metrics"]["o2recon_protocol_cad"]
    assert (cad["f_score_2cm"], cad["f_score_5cm"]) == (0, pytest.approx(1))
    assert Path(result("newfilled_5", 1, "scene0005_00")["groundtruth"], "1.ply").is_file()


def test_the_original_protocol_compares_the_cleaned_cloud_and_for_cad_the_cleaned_mesh(here: Path) -> None:
    published(here / "m", "scene0005_00", ids=(1,))
    stem = here / "m" / "scene0005_00" / "scene0005_00_scannet_obj_1_newfilled_5"
    write_cloud(Path(f"{stem}_pointcloud.ply"), sphere(1, radius=RADIUS + 0.01))
    write(Path(f"{stem}_mesh.ply"), sphere(1, radius=RADIUS + 0.04))
    published_truth(here / "truth", "scene0005_00")
    assert compare("m", object=1) == ["ok"]
    assert value("m", 1, "o2recon_protocol", "accuracy_m", "scene0005_00") == pytest.approx(0.01, abs=1e-4)
    assert value("m", 1, "o2recon_protocol_cad", "accuracy_m", "scene0005_00") == pytest.approx(0.04, abs=1e-4)
    assert value("m", 1, "complete", "completeness_cm", "scene0005_00") < 1.5


def test_swapped_objects_score_badly(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Were the numbers not off by one, every object would be compared with its neighbour."""
    folder = published(here / "m", "scene0005_00") / "scene0005_00"
    for kind in ("full_mesh", "mesh", "pointcloud"):
        names = [folder / f"scene0005_00_scannet_obj_{i}_newfilled_5_{kind}.ply" for i in (1, 2)]
        names[0].rename(folder / "aside")
        names[1].rename(names[0])
        (folder / "aside").rename(names[1])
    published_truth(here / "truth", "scene0005_00")
    compare("m")
    f_scores = [value("m", i, "o2recon_protocol", "f_score_10cm", "scene0005_00") for i in (1, 2, 3)]
    assert f_scores == [0, 0, pytest.approx(1)]
    assert "m, scene0005_00, object 1, 2: no part of it lies within 1 m of the truth" in capsys.readouterr().out


def test_point_clouds_get_the_original_protocol_only(here: Path) -> None:
    own_truth(here / "truth" / "room", ids=(1,))
    write_cloud(here / "clouds" / "room" / "1.ply", sphere(1, radius=RADIUS + 0.03))
    assert compare("clouds") == ["ok"]
    metrics = result("clouds", 1)["metrics"]
    assert metrics["complete"] is metrics["visible"] is metrics["hidden"] is None
    assert metrics["o2recon_protocol"]["chamfer_m"] == pytest.approx(0.03, abs=1e-4)
    assert "point cloud" in result("clouds", 1)["compared"]["notes"][0]


def test_missing_and_damaged_meshes_fail_and_lower_the_mean(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "room" / "2.ply").unlink()
    (mine / "room" / "3.ply").write_bytes(b"ply\nnonsense")
    assert status_of(["compare", f"meshes={mine}", "groundtruth=truth"]) == 1
    output = capsys.readouterr()
    assert "2 of 3 objects failed" in output.err and "3.ply" in output.err
    assert "object 2: failed, counts as F = 0: the compared folder has no mesh of this object" in output.out
    for i in (2, 3):
        assert result("mine", i)["status"] == "failed"
        assert value("mine", i, "complete", "f_score_5cm") == value("mine", i, "complete", "iou") == 0
        assert value("mine", i, "complete", "chamfer_cm") is None
    mean = next(line for line in output.out.splitlines() if "3, 2 failed" in line)
    assert "0.333" in mean and " of 1 " in mean  # F over all objects, Chamfer over those that have one


def test_meshes_without_truth_are_not_scored(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("truth")
    own_truth(Path("truth/room"), ids=(1,))
    assert compare(str(mine)) == ["ok"] * 3
    assert "object 2, 3: not scored: it has no ground truth" in capsys.readouterr().out
    assert result("mine", 2)["metrics"] is None and result("mine", 2)["groundtruth"] is None
    assert compare(str(mine), None, study="blind") == ["ok"] * 3
    assert "no ground truth" in capsys.readouterr().out


def test_several_methods_and_scenes_meet_in_one_study(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for scene in ("scene0005_00", "scene0008_00"):
        published(Path("theirs"), scene)
        own_truth(Path("truth") / f"{scene}_scannet")
    assert compare({"a": "mine", "b": "theirs"}) == ["ok"] * 9
    assert "a has nothing of scene0005_00, scene0008_00: not compared there" in capsys.readouterr().out
    for i in (1, 2, 3):
        assert value("a", i, "complete", "f_score_5cm") == 1
        assert value("b", i, "complete", "f_score_5cm", "scene0008_00") == 1


def test_truth_from_scannets_annotation_counts_what_somebody_reconstructed(here: Path) -> None:
    annotated_scan(here / "scans" / "scene0001_00_scannet")
    published(here / "a", "scene0001_00", ids=(1, 2))
    published(here / "b", "scene0001_00", ids=(1,))
    with pytest.raises(ObjectsFailed, match=r"1 of 4 objects failed: b, scene0001_00, object 2"):
        compare(["a", "b"], "scans")
    assert result("b", 2, "scene0001_00")["status"] == "failed" and result("a", 2, "scene0001_00")["status"] == "ok"
    assert result("a", 1, "scene0001_00")["category"] == "ball 1"
    assert value("a", 1, "o2recon_protocol", "f_score_2cm", "scene0001_00") == pytest.approx(1)
    assert not list(Path("outputs/main").glob("*/none/scene0001_00/9"))


def test_a_scan_gives_scene_and_truth_of_a_flat_folder(here: Path) -> None:
    scan = annotated_scan(here / "scene0001_00")
    own_truth(scan / "groundtruth")
    own_truth(here / "flat")
    assert compare("flat", None, scene__root=str(scan)) == ["ok"] * 3
    assert value("flat", 1, "complete", "f_score_5cm", "scene0001_00") == 1


def test_what_did_not_change_is_not_scored_again(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from o2recon.evaluate.compared import MeshScorer

    compare(str(mine))
    scored: list[int] = []
    whole = MeshScorer.__call__
    monkeypatch.setattr(MeshScorer, "__call__", lambda self, c, *rest: scored.append(c.object) or whole(self, c, *rest))
    write(mine / "room" / "2.ply", sphere(2, radius=RADIUS + 0.01))
    assert compare(str(mine)) == ["ok"] * 3
    assert scored == [2]


def test_runs_of_ours_are_never_overwritten(mine: Path) -> None:
    ours = Path("outputs/main/mine/none/room/1/seed_0")
    ours.mkdir(parents=True)
    (ours / "config.yaml").write_text("stage: run\n")
    with pytest.raises(ValueError, match="is a run, not a compared mesh"):
        compare("mine")
    assert not (ours / "result.json").exists()
    assert compare("mine", compare__name="other") == ["ok"] * 3


def test_prepared_views_add_the_verdict_and_the_hidden_part(here: Path) -> None:
    scene = sphere_scene(size=48)
    ball = trimesh.creation.icosphere(subdivisions=4, radius=scene.radius)
    ball.apply_translation(scene.frame.center)
    write(here / "truth" / "room" / "1.ply", ball)
    inner = trimesh.creation.icosphere(subdivisions=3, radius=scene.radius / 2)  # what no view can see
    inner.apply_translation(scene.frame.center)
    write(here / "mine" / "room" / "1.ply", trimesh.util.concatenate([ball, inner]))
    compare("mine")
    assert result("mine", 1)["verdict"] is None and result("mine", 1)["metrics"]["hidden"] is None
    scene.write(here / "work" / "room" / "objects" / "1")
    compare("mine", study="half")  # a preparation that did not end is not used
    assert result("mine", 1, study="half")["verdict"] is None
    (here / "work" / "room" / "objects" / "1" / "cues" / "manifest.json").write_text("{}")
    assert compare("mine") == ["ok"]
    with_views = result("mine", 1)
    assert with_views["metrics"]["visible"]["recall_5cm"] == with_views["metrics"]["hidden"]["recall_5cm"] == 1
    assert with_views["metrics"]["complete"]["precision_5cm"] == pytest.approx(0.8, abs=0.03)  # areas 4 to 1
    assert with_views["verdict"]["views"] > 0 and sum(with_views["evidence"].values()) == pytest.approx(1)
    visible = trimesh.load("outputs/main/mine/none/room/1/seed_0/mesh_visible.ply")
    assert len(visible.faces) == len(ball.faces)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"meshes": None}, "meshes=FOLDER is needed"),
        ({"meshes": "nothing"}, "nothing is no folder"),
        ({"meshes": "empty"}, "holds no meshes in a layout that is known: accepted are"),
        ({"meshes": "mine", "truth": "empty"}, "holds no ground truth that is known"),
        ({"meshes": ["mine", "mine"]}, "name them apart"),
        ({"meshes": "mine", "object": 7}, "no compared folder has such an object"),
    ],
)
def test_bad_usage_says_what_is_accepted_and_writes_nothing(mine: Path, options: Any, expected: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(ValueError, match=expected):
        compare(**options)
    assert not list(Path().glob("outputs/*/*/none"))


def test_bad_usage_is_one_line_and_status_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["compare", "meshes=nothing"]) == 2
    assert capsys.readouterr().err == (
        "o2recon: meshes=nothing is no folder: name the folder that holds a method's meshes\n"
    )
