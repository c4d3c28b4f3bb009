import logging
from pathlib import Path

import numpy as np
import pytest
from sphere_cues import Knowing, degrees, painted, stage

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.cues import CueView, NormalMaps, Predicted, Stored, faces_camera, to_opencv
from o2recon.masks import Crop
from o2recon.types import Camera, ViewRecord
from o2recon.workspace import write_image

WALLS = {"opposite": (0, 0, -1), "floor": (0, -1, 0), "left": (1, 0, 0), "right": (-1, 0, 0), "ceiling": (0, 1, 0)}
"""Normals in our camera frame of the surfaces of a room seen from its middle: +x right, +y down, +z forward."""
PUBLISHED = {
    "snu": {"opposite": (0, 0, 1), "floor": (0, 1, 0), "left": (-1, 0, 0), "right": (1, 0, 0), "ceiling": (0, -1, 0)},
    "marigold": {"opposite": (0, 0, 1), "floor": (0, 1, 0), "left": (1, 0, 0), "ceiling": (0, -1, 0)},
    "omnidata": {"opposite": (0, 0, -1), "floor": (0, -1, 0), "left": (1, 0, 0), "ceiling": (0, 1, 0)},
    "opencv": WALLS,
}
"""What each network says of them. SNU: measured on its published pictures. Marigold: diffusers' documentation (right,
top, facing the observer). Omnidata: issue 9 of maturk/dn-splatter shows predictions; MonoSDF compares them as they are.
"""
OWN = {
    "snu": lambda n: -n,
    "marigold": lambda n: n * [1, -1, -1],
    "omnidata": lambda n: n,
    "opencv": lambda n: n,
}


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_surfaces_of_a_room_have_their_normals_whatever_network_saw_them(source: str) -> None:
    for surface, said in PUBLISHED[source].items():
        found = to_opencv(np.array(said, np.float32).reshape(1, 1, 3), source)
        np.testing.assert_allclose(found[0, 0], WALLS[surface], atol=1e-6)


@pytest.mark.parametrize("source", PUBLISHED)
@pytest.mark.parametrize("plane", [(0, 0, -1.0), (0.6, 0, -0.8), (-0.48, 0.6, -0.64)])
def test_a_plane_has_its_normal_everywhere(source: str, plane: tuple[float, ...]) -> None:
    camera = Camera(np.array([[50.0, 0, 20], [0, 50, 15], [0, 0, 1]]), 40, 30)
    all_of_it, nothing = np.ones((30, 40), bool), np.zeros((30, 40), bool)
    record = ViewRecord(0, camera, np.eye(4), 1.0, False)
    view = CueView(record, Crop(0, 0, 30, 40), Path("unused"), all_of_it, nothing, nothing, nothing)
    truth = np.broadcast_to(np.array(plane), (30, 40, 3))
    maps = NormalMaps(maps=Predicted(network=Knowing(source, lambda v: truth), batch_size=1), keep_sensor=False)
    (found,), away = maps.converted([np.asarray(2 * OWN[source](truth), np.float32)], [view])
    visible = faces_camera(truth, unnormalized_rays(camera, pixel_centers(camera)))
    assert degrees(found, truth)[visible].max() < 0.01 and not found[~visible].any()
    assert away == pytest.approx(1 - visible.mean())


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_sphere_gets_its_own_normals_seen_and_in_painted(source: str, tmp_path: Path) -> None:
    capture, folder = painted(tmp_path)
    network = Knowing(source, lambda view: OWN[source](view.normal))
    network.learn(capture, folder)
    notes = stage(normal=NormalMaps(maps=Predicted(network=network, batch_size=3), keep_sensor=False))(capture, folder)
    assert network.batches == [3, 3, 2] and network.released == 1
    assert notes["normal"] == "knowing" and notes["facing_away"] < 0.01
    for view in capture.sphere.views:
        found = folder.read_normal("cues/normal", view.index)
        cued = (view.visible | view.hidden) & (found != 0).any(-1)
        assert cued.sum() > 0.98 * (view.visible | view.hidden).sum()
        assert degrees(found, view.normal)[cued].max() < 0.1
        assert not found[~(view.visible | view.hidden)].any()
        assert faces_camera(found, unnormalized_rays(view.camera, pixel_centers(view.camera)))[cued].all()


def test_pixels_without_in_painting_get_no_normal_of_what_covers_them(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path)
    network = Knowing("opencv", lambda view: view.normal * [1, 1, 1] + [0.5, 0, 0])
    network.learn(capture, folder)
    view = capture.sphere.views[0]
    write_image(folder.image("inpainted/confidence", view.index), np.where(view.visible, 255, 0).astype(np.uint8))
    stage(normal=NormalMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=False))(capture, folder)
    found = folder.read_normal("cues/normal", view.index)
    assert degrees(found, view.normal)[view.hidden].max() < 0.1
    assert np.median(degrees(found, view.normal)[view.visible]) > 5


def test_beside_the_sensor_a_network_only_fills_what_was_not_measured(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, size=96)
    view = capture.sphere.views[0]
    lost = view.visible & (np.arange(96)[:, None] < 40)
    folder.write_depth("depth", view.index, np.where(lost, 0, view.depth))
    network = Knowing("opencv", lambda v: v.normal + [0, 0.4, 0])
    network.learn(capture, folder)
    stage()(capture, folder)
    sensor = folder.read_normal("cues/normal", view.index)
    stage(normal=NormalMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True))(capture, folder)
    found = folder.read_normal("cues/normal", view.index)
    measured = view.visible & (sensor != 0).any(-1)
    np.testing.assert_array_equal(found[measured], sensor[measured])
    assert (found == sensor).all(-1)[view.hidden].mean() > 0.9  # other frames measured it
    filled = lost & ~measured & (found != 0).any(-1)
    assert filled.sum() > 0.5 * lost.sum()
    assert degrees(found, view.normal + [0, 0.4, 0])[filled].max() < 0.1


def test_axes_that_are_not_what_they_are_taken_for_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    capture, folder = painted(tmp_path)
    network = Knowing("snu", lambda view: view.normal)
    network.learn(capture, folder)
    with caplog.at_level(logging.WARNING):
        notes = stage(normal=NormalMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=False))(
            capture, folder
        )
    assert notes["facing_away"] > 0.9 and "face away" in caplog.text


def test_maps_are_found_again_unless_picture_or_network_changed(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path)
    network = Knowing("opencv", lambda view: view.normal)
    network.learn(capture, folder)
    cues = stage(normal=NormalMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=False))
    cues(capture, folder)
    first = folder.read_normal("cues/normal", 0)
    cues(capture, folder)
    assert network.batches == [8] and network.released == 1
    np.testing.assert_array_equal(folder.read_normal("cues/normal", 0), first)
    files = sorted((folder.path / "cues" / "cache").iterdir())
    files[0].write_bytes(b"damaged")
    files[1].unlink()
    cues(capture, folder)
    assert network.batches == [8, 2]
    network.identity = "another"
    cues(capture, folder)
    assert network.batches == [8, 2, 8]


def test_sources_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="gives 'inverse' and no normals"):
        NormalMaps(maps=Stored(folder="x", layout="inverse_depth"), keep_sensor=False)
    with pytest.raises(ValueError, match="batch_size is 0"):
        Predicted(network=Knowing("snu", lambda view: view.normal), batch_size=0)
