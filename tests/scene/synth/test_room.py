import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from round_trip import opened

import o2recon
from o2recon.scene.readers import ScanNetReader
from o2recon.scene.synth import SyntheticRoom


def configured(name: str, *overrides: str) -> SyntheticRoom:
    conf = Path(o2recon.__file__).parent / "conf"
    with initialize_config_dir(str(conf), version_base=None):
        return instantiate(compose(f"synth/{name}", [f"synth.{o}" for o in overrides]).synth)


FEW = ("num_views=2", "width=64", "height=48", "num_points=500", "scan_edge=0.5")


def image(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_whole_silhouette_contains_the_visible_part(tiny_room):
    hidden = 0
    for view in range(14):
        ids = image(tiny_room / f"instance-filt/{view}.png")
        for instance in (1, 2):
            whole = image(tiny_room / f"amodal/{instance}/{view}.png") > 0
            assert whole[ids == instance].all()
            covered = whole & (ids != instance)
            hidden += covered.sum()
            assert np.isin(ids[covered], [1, 2]).mean() > 0.9 if covered.sum() > 20 else True
    assert hidden > 500


def test_the_scene_reader_accepts_the_room(tiny_room):
    scene = opened(tiny_room, ScanNetReader())
    assert scene.indices == tuple(range(14)) and not scene.skipped
    assert scene.groundtruth == tiny_room / "groundtruth"
    frame = scene.frame(3)
    np.testing.assert_allclose(frame.camera.intrinsics, [[144, 0, 80], [0, 144, 60], [0, 0, 1]])
    assert set(np.unique(frame.instance)) == {0, 1, 2}
    assert scene.sketches(1)


def test_truth_is_closed_and_where_the_depth_says(tiny_room):
    """Noise-free depth under an object's mask lies on its true surface."""
    k = np.loadtxt(tiny_room / "intrinsic/intrinsic_depth.txt")
    depth, ids = image(tiny_room / "depth/5.png") / 1000, image(tiny_room / "instance-filt/5.png")
    pose = np.loadtxt(tiny_room / "pose/5.txt")
    for instance in (1, 2):
        mesh = trimesh.load(tiny_room / f"groundtruth/{instance}.ply")
        assert mesh.is_watertight and mesh.volume > 0
        row, column = np.nonzero((ids == instance) & (depth > 0))
        rays = np.stack([(column - k[0, 2]) / k[0, 0], (row - k[1, 2]) / k[1, 1], np.ones(len(row))], 1)
        points = (rays * depth[row, column, None]) @ pose[:3, :3].T + pose[:3, 3]
        _, distance, _ = trimesh.proximity.closest_point(mesh, points[::4])
        assert distance.max() < 1e-3


def test_the_scan_is_labelled_and_only_what_was_seen(tiny_room):
    mesh = trimesh.load(tiny_room / "tiny_vh_clean_2.ply", process=False)
    segments = json.loads((tiny_room / "tiny_vh_clean_2.0.010000.segs.json").read_text())["segIndices"]
    groups = json.loads((tiny_room / "tiny_vh_clean.aggregation.json").read_text())["segGroups"]
    assert len(mesh.faces) > 500 and len(segments) == len(mesh.vertices)
    assert [(g["objectId"], g["label"]) for g in groups] == [(0, "chair"), (1, "box")]
    for group in groups:
        truth = trimesh.load(tiny_room / f"groundtruth/{group['id'] + 1}.ply")
        own = mesh.vertices[np.isin(segments, group["segments"])]
        assert len(own) > 50 and np.abs(trimesh.proximity.closest_point(truth, own)[1]).max() < 1e-3
    assert mesh.bounds[0, 2] > -1e-6


def test_seeds_reproduce_byte_for_byte(tmp_path):
    first = configured("tiny", *FEW, "workers=1", "sensor.noise=1").write(tmp_path / "a" / "room")
    again = configured("tiny", *FEW, "workers=3", "sensor.noise=1").write(tmp_path / "b" / "room")
    other = configured("tiny", *FEW, "seed=5").write(tmp_path / "c" / "room")
    assert contents(first) == contents(again)
    assert contents(first)["groundtruth/1.ply"] != contents(other)["groundtruth/1.ply"]


def test_a_room_is_kept_replaced_or_refused(tmp_path):
    folder = configured("tiny", *FEW).write(tmp_path / "room")
    before = (folder / "manifest.json").stat().st_mtime_ns
    assert configured("tiny", *FEW).write(folder) == folder
    assert (folder / "manifest.json").stat().st_mtime_ns == before
    configured("tiny", *FEW, "num_views=1").write(folder)
    assert len(list((folder / "color").iterdir())) == 1
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="is no synthetic room"):
        configured("tiny", *FEW).write(mine)
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def full(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(SyntheticRoom, "_write_scan", full)
    with pytest.raises(OSError, match="disk full"):
        configured("tiny", *FEW).write(tmp_path / "room")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["default", "demo", "tiny"])
def test_every_config_makes_a_room_that_fits(name):
    room = configured(name)
    placed = room.arrange()
    assert len(room.poses(placed)) == room.num_views


def test_the_demo_room_hides_enough(tmp_path):
    """Issue 2, point 10: at least 40 % of the surface unseen, 20 % of the silhouette hidden; here at a quarter size."""
    small = ("width=200", "height=150", "num_views=18", "num_points=4000", "scan_edge=1.0")
    records = json.loads((configured("demo", *small).write(tmp_path / "demo") / "instances.json").read_text())
    assert [r["category"] for r in records] == ["couch", "table", "chair"]
    assert all(r["watertight"] and r["unseen_share"] > 0.4 for r in records)
    shares = [r["mean_hidden_share_of_silhouette"] for r in records]
    assert np.mean(shares) > 0.2 and min(shares) > 0.1


@pytest.mark.slow
def test_the_demo_room_hides_enough_at_full_size(tmp_path):
    records = json.loads((configured("demo").write(tmp_path / "demo") / "instances.json").read_text())
    assert all(r["unseen_share"] > 0.4 and r["views"] > 40 for r in records)
    assert np.mean([r["mean_hidden_share_of_silhouette"] for r in records]) > 0.2
