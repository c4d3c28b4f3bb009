"""The ablation table: means over what finished, and no row that claims what did not run."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILE = Path(__file__).parents[1] / "experiments" / "ablations" / "run.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ablation_table", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(ablation: str, object_id: int, score: float, *, seed: int = 0, status: str = "ok") -> dict:
    part = {"chamfer_cm": 1.0, "f_score_2cm": score, "f_score_5cm": score, "iou": 0.5}
    metrics = dict.fromkeys(("complete", "visible", "hidden"), part)
    about = {"scene": "room", "object": object_id, "category": "chair", "ablation": ablation, "seed": seed}
    return about | {"status": status, "metrics": metrics, "semantic": None, "verdict": {"psnr_db": 20.0}}


def test_rows_are_means_over_objects_that_both_finished(script: ModuleType) -> None:
    found = [result("none", 1, 0.8), result("none", 2, 0.6), result("none", 1, 0.84, seed=1)]
    found += [result("no_normal", 1, 0.7), result("no_normal", 2, 0.1, status="failed")]
    rows = [script.row(r) for r in found]
    lines = script.table(rows, ("none", "no_normal", "no_depth"), {"no_depth": "no weights"}).splitlines()
    assert lines[2].startswith("| none | 2 | 1.000 | 0.700 |")
    assert lines[3].startswith("| no_normal | 1 | 1.000 | 0.700 |") and "+0.100 (1 of 1 objects lose)" in lines[3]
    assert "not run: no weights" in lines[4]
    assert "2 seeds" in lines[5] and "0.028" in lines[5]


def test_without_the_semantic_loss_its_ablation_is_not_run(script: ModuleType) -> None:
    off, on = result("none", 1, 0.8), result("none", 1, 0.8) | {"semantic": "clip@1"}
    assert "no CLIP weights" in script.reason_not_to_run("no_semantic", [off])
    assert script.reason_not_to_run("no_semantic", [on]) is None
    assert script.reason_not_to_run("no_normal", [off]) is None


def test_prepared_stages_are_shared_by_a_copy(script: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "room" / "objects" / "2"
    folder.mkdir(parents=True)
    (folder / "object.json").write_text("{}")
    given = SimpleNamespace(work=tmp_path, experiment="quick")
    script.share_preparation(given, Path("/scans/room"), "no_inpaint")
    script.share_preparation(given, Path("/scans/room"), "no_normal")
    assert sorted(p.name for p in (tmp_path / "room").iterdir()) == ["objects", "objects_no_inpaint"]
    assert (tmp_path / "room" / "objects_no_inpaint" / "2" / "object.json").is_file()
