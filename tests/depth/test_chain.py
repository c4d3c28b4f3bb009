"""From colour images alone to a closed mesh: an RGB-only capture through the command line, three ways."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from depth_oracle import sample_points

from o2recon.cli.main import status_of
from o2recon.scene import Scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def capture(tiny_room: Path, tiny_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny room as nerfstudio's transforms.json with sparse points, without depth and ids; masks lie beside it."""
    folder = tmp_path_factory.mktemp("capture")
    assert (
        status_of(["convert", f"scene.root={tiny_room}", "convert=nerfstudio", f"convert.root={folder / 'rgb'}"]) == 0
    )
    file = folder / "rgb" / "transforms.json"
    content = json.loads(file.read_text())
    for frame in content["frames"]:
        del frame["depth_file_path"], frame["instance_path"]
        frame.pop("semantic_path", None)
    trimesh.PointCloud(sample_points(tiny_scene, 3000, noise=0.003)).export(folder / "rgb" / "sparse.ply")
    file.write_text(json.dumps(content | {"ply_file_path": "sparse.ply"}))
    shutil.rmtree(folder / "rgb" / "depth")
    shutil.move(folder / "rgb" / "instances", folder / "masks")
    (folder / "masks" / "names.yaml").write_text("{1: chair, 2: cardboard box}")
    return folder


def run(capture: Path, study: Path, *overrides: str) -> dict[str, Any]:
    places = [f"work={study / 'work'}", f"outputs={study / 'outputs'}", "device=cpu", "baselines=[]", "reports=false"]
    options = [
        "experiment=quick",
        "train.num_steps=200",
        "object=1",
        "scene=nerfstudio",
        f"scene.root={capture / 'rgb'}",
    ]
    masks = ["instances=files", f"instances.folder={capture / 'masks'}"]
    assert status_of(["run", *options, *masks, *places, *overrides]) == 0
    (file,) = (study / "outputs").glob("**/result.json")
    content = json.loads(file.read_text())
    assert content["status"] == "ok" and content["category"] == "chair" and content["mesh"]["watertight"]
    return dict(content)


def test_without_depth_and_without_a_choice_the_remedy_is_said(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(["run", "scene=nerfstudio", f"scene.root={capture / 'rgb'}", f"work={tmp_path}"]) == 2
    assert "depth=network" in capsys.readouterr().err


def test_a_network_with_another_scale_in_every_frame_is_nearly_as_good_as_a_sensor(
    capture: Path, tiny_room: Path, tmp_path: Path
) -> None:
    sensor = run(capture, tmp_path / "sensor", "scene=scannet", f"scene.root={tiny_room}")
    oracle = ["depth=network", "depth.network._target_=depth_oracle.RoomOracle", f"+depth.network.truth={tiny_room}"]
    network = run(capture, tmp_path / "network", *oracle)
    silhouettes = run(capture, tmp_path / "silhouettes", "depth=silhouettes")
    chamfer = [r["metrics"]["complete"]["chamfer_cm"] for r in (sensor, network, silhouettes)]
    print("Chamfer cm: sensor, network, silhouettes", np.round(chamfer, 2))
    assert chamfer[1] < chamfer[0] + 1.0
    assert chamfer[2] < 20


def test_a_random_network_runs(capture: Path, tiny_depth_network: Path, tmp_path: Path) -> None:
    """What it predicts fits nothing exactly, but the chain goes on with what some views confirm."""
    network = ["depth=network", f"depth.network.model={tiny_depth_network}", "depth.fitter.min_inliers=0.0"]
    run(capture, tmp_path, *network, "depth.tolerance=0.5", "objects.min_frames=3", "train.num_steps=20")
