"""Files of a finished run that are not as its stages left them."""

import os
from pathlib import Path

import pytest

from o2recon.manifest import package_version, write_manifest
from o2recon.sweep import MESH, MESHED, TRAINED, damage, removable, study_status, write_result

OK = {"status": "ok", "versions": {"o2recon": package_version()}}
CHECKPOINT = "checkpoints/last.ckpt"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "main"


@pytest.fixture
def run(study: Path) -> Path:
    """A finished run."""
    folder = study / "quick" / "none" / "room" / "1" / "seed_0"
    for name in (MESH, "mesh.glb", CHECKPOINT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(100))
    meshes = [folder / MESH, folder / "mesh.glb"]
    write_manifest(folder / MESHED, stage="mesh", config={}, inputs={}, notes={}, outputs=meshes)
    trained = [folder / CHECKPOINT]
    write_manifest(folder / TRAINED, stage="train", config={}, inputs={}, notes={}, outputs=trained)
    write_result(folder, OK)
    return folder


@pytest.mark.parametrize("name", [MESH, "mesh.glb", CHECKPOINT])
def test_a_run_with_a_damaged_file_is_stale_and_keeps_its_checkpoints(name: str, run: Path, study: Path) -> None:
    assert [e.state for e in study_status(study)] == ["ok"]
    assert [r.path.name for r in removable(study.parent / "work", study, ["checkpoints"])] == ["checkpoints"]
    os.truncate(run / name, 60)
    assert damage(run) == f"{name} was changed"
    (entry,) = study_status(study)
    assert entry.state == "stale" and entry.note == f"{name} was changed: it is made again"
    assert removable(study.parent / "work", study, ["checkpoints"]) == []


@pytest.mark.parametrize("name", [MESH, "mesh.glb"])
def test_a_mesh_that_is_gone_is_missed(name: str, run: Path) -> None:
    (run / name).unlink()
    assert damage(run) == f"{name} is gone"


def test_checkpoints_may_be_deleted(run: Path) -> None:
    (run / CHECKPOINT).unlink()
    assert damage(run) is None
    (run / TRAINED).unlink()
    assert damage(run) is None


def test_a_run_of_a_mesh_by_others_needs_its_mesh_alone(run: Path) -> None:
    for name in (MESHED, TRAINED, "mesh.glb"):
        (run / name).unlink()
    assert damage(run) is None
