"""The stage against the true amodal masks of a synthetic room, its volume made from the true mesh."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from scipy.ndimage import distance_transform_edt

import o2recon
from o2recon.masks import Masks
from o2recon.mesh.raycast import Caster
from o2recon.scene import Scene
from o2recon.transforms import grid_over, voxel_centers
from o2recon.types import ObjectFrame, ObjectRecord, ViewRecord, Volume
from o2recon.workspace import ObjectFolder, read_image, write_image

CONF = Path(o2recon.__file__).parent / "conf"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny room from so low that its box hides a good part of the chair."""
    with initialize_config_dir(str(CONF), version_base=None):
        low = compose("synth/tiny", overrides=["synth.camera_height=[0.35,0.5]", "synth.arc=80"])
    written: Path = instantiate(low.synth).write(tmp_path_factory.mktemp("rooms") / "low")
    return written


@pytest.fixture(scope="module")
def scene(room: Path) -> Scene:
    config = OmegaConf.load(CONF / "scene" / "scannet.yaml")
    config.root = str(room)
    return instantiate(config)


@pytest.fixture
def folder(scene: Scene, room: Path, tmp_path: Path) -> ObjectFolder:
    """Object 1 with the volume of its true mesh, all of it observed."""
    mesh = trimesh.load_mesh(room / "groundtruth" / "1.ply")
    low, high = mesh.bounds
    frame = ObjectFrame((low + high) / 2, np.eye(3), (high - low) / 2 * 1.1)
    grid = grid_over(frame, 0.012)
    inside = Caster(mesh).contains(voxel_centers(grid).reshape(-1, 3)).reshape(grid.shape)
    sdf = (distance_transform_edt(~inside) - distance_transform_edt(inside)) * grid.spacing
    folder = ObjectFolder(tmp_path / "1")
    folder.write_volume(Volume(grid, sdf < grid.spacing, sdf.astype(np.float32), np.ones(grid.shape, np.float32)))
    records = []
    for view in scene.frames():
        records.append(ViewRecord(view.index, view.camera, view.camera_to_world, 1.0, False))
        write_image(folder.image("masks/visible", view.index), view.instance == 1)
    folder.write_record(ObjectRecord(scene.name, 1, "chair", frame, tuple(records), None))
    return folder


def stage(mode: str) -> Masks:
    config = OmegaConf.load(CONF / "masks" / "auto.yaml")
    return instantiate(config, mode=mode)


def overlaps(folder: ObjectFolder, room: Path) -> tuple[np.ndarray, np.ndarray]:
    """IoU with the true amodal mask: visible mask alone, and with the claims, where over a tenth is hidden."""
    before, after = [], []
    for view in folder.read_record().views:
        truth = read_image(room / "amodal" / "1" / f"{view.index}.png") > 0
        visible, hidden = (folder.read_mask(f"masks/{k}", view.index) for k in ("visible", "hidden"))
        if np.count_nonzero(truth & ~visible) > 0.1 * np.count_nonzero(truth):
            before.append(np.count_nonzero(visible & truth) / np.count_nonzero(visible | truth))
            claimed = visible | hidden
            after.append(np.count_nonzero(claimed & truth) / np.count_nonzero(claimed | truth))
    return np.array(before), np.array(after)


def test_claims_from_the_surface_give_the_true_amodal_mask(scene: Scene, folder: ObjectFolder, room: Path) -> None:
    stage("carve")(scene, folder)
    before, after = overlaps(folder, room)
    assert len(before) >= 3 and before.mean() < 0.9
    assert after.mean() > 0.9


def test_sketches_of_two_views_uncover_most_of_the_others(
    scene: Scene, folder: ObjectFolder, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = {}
    for view in folder.read_record().views:
        amodal = read_image(room / "amodal" / "1" / f"{view.index}.png") > 0
        truth[view.index] = amodal & ~folder.read_mask("masks/visible", view.index)
    chosen = sorted(truth, key=lambda i: -np.count_nonzero(truth[i]))[:2]
    monkeypatch.setattr(scene, "sketches", lambda object_id: {i: truth[i] for i in chosen}, raising=False)
    notes = stage("sketch")(scene, folder)
    assert notes["sketches"] == sorted(chosen)
    before, after = overlaps(folder, room)
    assert after.mean() > before.mean() + 0.05
