"""The stage `export`: what it needs, what it writes, and when it does nothing."""

import json
import shutil
from pathlib import Path

import pytest
import trimesh

from o2recon.cli.main import status_of
from o2recon.mesh import write_ply

pytestmark = pytest.mark.usefixtures("few_samples")
for _module in ("coacd", "fast_simplification", "xatlas"):
    pytest.importorskip(_module)
SMALL = ("export.resolution=128", "export.max_faces=1000", "export.collider.max_faces=400", "baselines=[]")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path, few_samples: None) -> Path:
    """A folder in which `run exports=true` was done once for object 1."""
    folder = tmp_path_factory.mktemp("study")
    assert call(folder, tiny_room, "exports=true", stage="run") == 0
    return folder


@pytest.fixture
def own(study: Path, tmp_path: Path) -> Path:
    """A copy of that folder to change."""
    shutil.copytree(study, tmp_path / "own")
    return tmp_path / "own"


def call(folder: Path, room: Path, *overrides: str, stage: str = "export", number: str = "1") -> int:
    own = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", f"object={number}"]
    return status_of([stage, "experiment=smoke", f"scene.root={room}", "device=cpu", *own, *SMALL, *overrides])


def scene(folder: Path) -> Path:
    return folder / "outputs" / "main" / "smoke" / "none" / "tiny"


def run_of(folder: Path) -> Path:
    return scene(folder) / "1" / "seed_0"


def test_run_exports_when_asked_to(study: Path) -> None:
    notes = json.loads((run_of(study) / "export.manifest.json").read_text())["notes"]
    assert (run_of(study) / "textured.glb").is_file() and (run_of(study) / notes["simulation"]["urdf"]).is_file()
    assert notes["simulation"]["mass_kg"] > 0
    placed = json.loads((scene(study) / "scene.json").read_text())
    assert [o["object"] for o in placed["objects"]] == [1] and (scene(study) / "scene_textured.glb").is_file()


def test_exporting_again_does_nothing_until_something_changes(own: Path, tiny_room: Path) -> None:
    file = run_of(own) / "textured.glb"
    before, content = file.stat().st_mtime_ns, file.read_bytes()
    assert call(own, tiny_room) == 0 and file.stat().st_mtime_ns == before
    assert call(own, tiny_room, "retry=all") == 0 and file.stat().st_mtime_ns != before
    assert file.read_bytes() == content
    for damaged in (file, next((run_of(own) / "simulation").glob("*.urdf"))):
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:100])
        assert call(own, tiny_room) == 0 and damaged.read_bytes() == whole
    assert call(own, tiny_room, "export.resolution=96") == 0 and file.read_bytes() != content


def test_the_run_itself_stays_finished(own: Path, tiny_room: Path) -> None:
    before = (run_of(own) / "result.json").stat().st_mtime_ns
    assert call(own, tiny_room, "export.resolution=64", stage="run") == 0
    assert (run_of(own) / "result.json").stat().st_mtime_ns == before


def test_an_object_without_a_run_is_named(own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(own, tiny_room, number="2") == 2
    assert "holds no finished run: use 'o2recon run'" in capsys.readouterr().err
    assert call(own, tiny_room, number="all") == 0


def test_another_preparation_is_refused(own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(own, tiny_room, "masks.margin=0.03") == 2
    assert "other prepared data" in capsys.readouterr().err


def test_an_open_mesh_is_exported_without_a_body(own: Path, tiny_room: Path) -> None:
    mesh = trimesh.load(run_of(own) / "mesh.ply", process=False)
    write_ply(run_of(own) / "mesh.ply", trimesh.Trimesh(mesh.vertices, mesh.faces[10:], process=False))
    assert call(own, tiny_room) == 0
    notes = json.loads((run_of(own) / "export.manifest.json").read_text())["notes"]
    assert notes["simulation"]["urdf"] is None and "open" in notes["simulation"]["reason"]
    assert not (run_of(own) / "simulation" / "object.urdf").exists()


def test_a_failed_export_is_one_line_and_status_1(
    own: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_of(own) / "mesh.ply").write_bytes(b"ply")
    assert call(own, tiny_room) == 1
    assert "1 of 1 exports failed: 1 (" in capsys.readouterr().err
    assert not (run_of(own) / "export.manifest.json").exists()
