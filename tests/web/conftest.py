"""One made-up study for all tests of the page; they do not change it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_up_study import write_ply, write_prepared, write_run, write_truth

from o2recon.web import Viewer
from o2recon.web.study import Study, open_study


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """outputs/main: chair 2 with truth, cameras, two methods and two seeds; 3 without anything; 4 failed."""
    root = tmp_path_factory.mktemp("viewed")
    folder = root / "outputs" / "main"
    truth = str(write_truth(root / "scan", 2))
    for ablation, seed in (("none", 0), ("none", 1), ("no_inpaint", 0)):
        run = write_run(folder, ("quick", ablation), ("room", 2), seed=seed, groundtruth=truth)
    write_visible(folder / "quick/none/room/2/seed_0")
    write_run(folder, ("quick", "none"), ("room", 3), category="<b>table", metrics=None)
    write_run(folder, ("quick", "none"), ("room", 4), status="failed", error="too few views & <none>", verdict=None)
    write_run(folder, ("quick", "none"), ("attic", 2))
    (run / "config.yaml").write_text("prepared: objects_no_inpaint\n")
    write_prepared(root / "work", ("room", 2))
    return folder


@pytest.fixture(scope="session")
def study(outputs: Path) -> Study:
    return open_study(outputs, outputs.parents[1] / "work")


@pytest.fixture(scope="session")
def make_viewer() -> Any:
    """Viewer with the values of conf/view/default.yaml and any free port, any of them replaced."""
    file = Path(__file__).parents[2] / "o2recon" / "conf" / "view" / "default.yaml"
    values = {k: v for k, v in yaml.safe_load(file.read_text()).items() if k != "_target_"}
    return lambda **changes: Viewer(**{**values, "port": 0, **changes})


def write_visible(run: Path) -> None:
    """mesh_visible.ply: the upper half of mesh.ply, open below."""
    import trimesh

    mesh = trimesh.load(run / "mesh.ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    upper = mesh.submesh([mesh.triangles_center[:, 2] > 0.46], append=True)
    write_ply(run / "mesh_visible.ply", upper)


def finish(run: Path) -> None:
    """Write result.json anew, as a sweep does when it runs an object again."""
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "category": "stool"}))
