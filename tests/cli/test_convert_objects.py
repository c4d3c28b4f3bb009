"""`o2recon convert convert=o2recon_training`, and that its result is trained on with the command that it names."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import trimesh
from o2recon_data import write_training

from o2recon.cli.main import status_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_samples")]


def call(folder: Path, *arguments: str) -> int:
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    return status_of([*arguments, *places, "device=cpu"])


def result(folder: Path, scene: str, *, experiment: str = "smoke", number: int = 1) -> dict[str, Any]:
    file = folder / "outputs" / "main" / experiment / "none" / scene / str(number) / "seed_0" / "result.json"
    content = json.loads(file.read_text())
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path) -> tuple[Path, str]:
    """A folder with `indoor-paper/` in it, and what the command printed last."""
    folder = tmp_path_factory.mktemp("convert")
    options = ["convert=o2recon_training", f"convert.root={folder / 'indoor-paper'}", "experiment=smoke", "object=1"]
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        assert call(folder, "convert", f"scene.root={tiny_room}", *options) == 0
    return folder, said[-1]


def test_the_command_it_names_trains_on_what_was_written(written: tuple[Path, str]) -> None:
    folder, last = written
    program, *arguments = shlex.split(last.partition("Run on it: ")[2])
    assert program == "o2recon"
    assert call(folder, *arguments, "experiment=smoke", "baselines=[]", "reports=false") == 0
    found = result(folder, "tiny_scannet_obj_1_inpainted")
    assert found["status"] == "ok" and found["category"] == "chair" and found["inpainter"] == "training data"
    assert found["metrics"]["complete"]["chamfer_cm"] is not None  # the truth went along


def test_their_layout_alone_trains_too(written: tuple[Path, str], tmp_path: Path) -> None:
    source = written[0] / "indoor-paper" / "tiny_scannet_obj_1_inpainted"
    ours = shutil.ignore_patterns("visible", "claim", "confidence", "o2recon.json")
    theirs = Path(shutil.copytree(source, tmp_path / source.name, ignore=ours))
    options = ["scene=o2recon_training", f"scene.root={theirs}", "scene.reader.image_size=[160,120]"]
    assert call(tmp_path, "run", *options, "experiment=smoke", "baselines=[]", "reports=false") == 0
    assert result(tmp_path, source.name)["status"] == "ok"


def test_prepared_objects_are_not_prepared_again(written: tuple[Path, str], tiny_room: Path) -> None:
    folder = written[0]
    manifest = folder / "work" / "tiny" / "objects" / "1" / "cues" / "manifest.json"
    before = manifest.stat().st_mtime_ns
    options = ["convert=o2recon_training", f"convert.root={folder / 'again'}", "experiment=smoke", "object=1"]
    assert call(folder, "convert", f"scene.root={tiny_room}", *options) == 0
    assert manifest.stat().st_mtime_ns == before
    assert (folder / "again" / "tiny_scannet_obj_1_inpainted" / "groundtruth" / "1.ply").is_file()


def test_a_folder_written_after_the_layout_alone_becomes_the_box_that_it_shows(tmp_path: Path) -> None:
    folder = write_training(tmp_path / "indoor-paper", count=10)
    (folder / "groundtruth").mkdir()
    box = trimesh.creation.box((0.6, 0.6, 0.6))
    box.apply_translation([0, 0, 0.3])
    box.export(folder / "groundtruth" / "3.ply")
    options = ["scene=o2recon_training", f"scene.root={folder}", "train.num_steps=100", "mesh.spacing_m=0.02"]
    assert call(tmp_path, "run", *options, "experiment=quick", "baselines=[]", "reports=false") == 0
    found = result(tmp_path, folder.name, experiment="quick", number=3)
    assert found["metrics"]["complete"]["chamfer_cm"] < 2
    assert found["metrics"]["complete"]["iou"] > 0.9


def test_room_dining_s_chair_comes_out_as_well_as_the_ordinary_way(shared_data: Path, tmp_path: Path) -> None:
    """The chair under the table, experiment=quick."""
    room = shared_data / "room_dining"
    quick = ["experiment=quick", "object=2", "baselines=[]", "reports=false"]
    assert call(tmp_path, "run", f"scene.root={room}", *quick) == 0
    options = ["convert=o2recon_training", f"convert.root={tmp_path / 'data'}", "object=2"]
    assert call(tmp_path, "convert", f"scene.root={room}", *options) == 0
    name = "room_dining_scannet_obj_2_inpainted"
    assert call(tmp_path, "run", "scene=o2recon_training", f"scene.root={tmp_path / 'data' / name}", *quick) == 0
    ordinary, found = (
        result(tmp_path, scene, experiment="quick", number=2)["metrics"]["complete"]["chamfer_cm"]
        for scene in ("room_dining", name)
    )
    assert found < 1.2 * ordinary
