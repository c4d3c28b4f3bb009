"""A finished run of the sphere whose every pixel is known."""

from pathlib import Path
from typing import Any

import pytest
from logged_ball import ball, finished_run
from made_up_study import metrics
from sphere_scene import sphere_scene

from o2recon.logger import Panels, RunFacts
from o2recon.workspace import ObjectFolder, write_image


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    scene = sphere_scene(size=48)
    folder = scene.write(tmp_path_factory.mktemp("work") / "test" / "objects" / "1")
    for view in scene.views:
        write_image(folder.image("images", view.index), view.color)
    return folder


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groundtruth")
    ball(1.0).export(folder / "1.ply")
    return folder


@pytest.fixture
def facts(tmp_path: Path, prepared: ObjectFolder, truth: Path) -> RunFacts:
    return finished_run(tmp_path, prepared, truth)


@pytest.fixture(scope="session")
def panels() -> Panels:
    return Panels(num_views=2, height=60, error_range_cm=5.0)


@pytest.fixture(scope="session")
def result() -> dict[str, Any]:
    return {
        "status": "ok",
        "error": None,
        "metrics": {"complete": {**metrics(0.9), "iou": 0.7}, "hidden": metrics(0.6), "visible": None},
        "verdict": {"grade": "good", "silhouette_iou": 0.9, "held_out_depth_residual_cm": None},
        "evidence": {"seen": 0.5, "inpainted": 0.2, "guessed": 0.3},
        "mesh": {"faces": 100, "watertight": True},
        "seconds": {"masks": 1.0, "train": 2.5},
    }
