"""One made-up study for all tests of the page; they do not change it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from made_up_study import write_ply, write_prepared, write_run, write_truth

from o2recon.web import Viewer
from o2recon.web.study import Study, open_study
from o2recon.workspace import ObjectFolder


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
    place_cameras(write_prepared(root / "work", ("room", 2)))
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


def place_cameras(folder: ObjectFolder) -> None:
    """Let the cameras stand in a row in front of the chair, and look at it."""
    record = folder.read_record()
    views = []
    for i, view in enumerate(record.views):
        position = np.array([0.4 + 0.4 * i, -1.5, 1.2])
        forward = np.array([2.0, 1.0, 0.5]) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1]) / np.linalg.norm(np.cross(forward, [0, 0, 1]))
        pose = np.eye(4)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, position], 1)
        views.append(replace(view, camera_to_world=pose))
    folder.write_record(replace(record, views=tuple(views)))


def write_visible(run: Path) -> None:
    """mesh_visible.ply: the upper half of mesh.ply, open below."""
    import trimesh

    mesh = trimesh.load(run / "mesh.ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    upper = mesh.submesh([mesh.triangles_center[:, 2] > 0.46], append=True)
    write_ply(run / "mesh_visible.ply", upper)
