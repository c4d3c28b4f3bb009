"""The stage on a small synthetic room with exact truth, and on the shared scans."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf

import o2recon
from o2recon.objects import Objects
from o2recon.scene import RecordedScene, Scene, Selection
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder, read_image

CONF = Path(o2recon.__file__).parent / "conf"


def stage(**options: Any) -> Objects:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        made: Objects = instantiate(compose("objects/default").objects, **options)
    return made


def scan(root: Path) -> RecordedScene:
    made: RecordedScene = instantiate(OmegaConf.load(CONF / "scene/scannet.yaml"), root=str(root))
    return made


@pytest.fixture(scope="module")
def written(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, Selection, ObjectFolder]:
    scene, objects = scan(tiny_room), stage(min_frames=5)
    selection = objects.select(scene)
    folder = ObjectFolder(tmp_path_factory.mktemp("work") / "1")
    objects(scene, folder, selection.require(1))
    stale = folder.image("images", 999)
    stale.write_bytes(b"view of an earlier choice")
    objects(scene, folder, selection.require(1))
    return scene, selection, folder


def inside(record: ObjectRecord, points: np.ndarray) -> float:
    local = (points - record.frame.center) @ record.frame.rotation
    return float((np.abs(local) <= record.frame.half_extents).all(1).mean())


def test_the_files_of_every_chosen_view_are_there_and_no_others(
    written: tuple[Scene, Selection, ObjectFolder],
) -> None:
    scene, selection, folder = written
    record = folder.read_record()
    chosen = {v.index for v in record.views}
    assert chosen == set(selection.require(1).frames) and any(v.held_out for v in record.views)
    for kind in ("images", "depth", "masks/visible"):
        assert {int(p.stem) for p in (folder.path / kind).iterdir()} == chosen
    for view in record.views:
        frame = scene.frame(view.index)
        assert np.abs(folder.read_depth("depth", view.index) - frame.depth).max() < 6e-4
        assert (folder.read_mask("masks/visible", view.index) <= (frame.instance == 1)).all()
        assert np.abs(read_image(folder.image("images", view.index)).astype(int) - frame.color).mean() < 3
        assert (view.camera_to_world == frame.camera_to_world).all()


def test_the_box_holds_the_true_object(written: tuple[Scene, Selection, ObjectFolder]) -> None:
    scene, _, folder = written
    record = folder.read_record()
    truth = trimesh.load_mesh(scene.root / "groundtruth" / "1.ply")
    assert inside(record, np.asarray(truth.vertices)) == 1
    assert record.category == "chair" and record.scene == "tiny" and record.floor == pytest.approx(0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["room_dining", "room_gym", "room_living"])
def test_boxes_hold_every_object_of_the_rooms(shared_data: Path, tmp_path: Path, name: str) -> None:
    scene, objects = scan(shared_data / name), stage()
    selection = objects.select(scene)
    assert not selection.dropped
    for kept in selection.kept:
        folder = ObjectFolder(tmp_path / str(kept.id))
        objects(scene, folder, kept)
        with np.load(shared_data / name / "groundtruth" / f"{kept.id}_points.npz") as truth:
            assert inside(folder.read_record(), truth["points"].astype(float)) >= 0.999
