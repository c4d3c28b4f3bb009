from pathlib import Path

import numpy as np
import pytest
from sphere_cues import Knowing, painted, stage
from sphere_scene import ray_options

from o2recon.cues import DepthMaps, Predicted
from o2recon.data import RayBuilder, Role
from o2recon.types import ObjectView

SPACES = {"inverse": lambda z: 3 / z - 0.2, "affine": lambda z: 0.1 * z + 0.3}


def far(view: ObjectView) -> np.ndarray:
    return np.where(view.object_depth > 0, view.object_depth, 4)


def wrong_completion(capture, folder) -> None:  # type: ignore[no-untyped-def]
    """What the completion guessed of the hidden part is off, and nobody saw it; a part of the sensor's is missing."""
    for view in capture.sphere.views:
        lost = view.visible & (np.arange(64)[:, None] > 34)
        folder.write_depth("depth", view.index, np.where(lost, 0, view.depth))
        guess = np.where(view.hidden, view.object_depth + 0.1, np.where(lost, 0, view.object_depth))
        folder.write_depth("inpainted/depth", view.index, guess)


@pytest.mark.parametrize("space", SPACES)
def test_gaps_and_in_painted_pixels_get_metres_that_reach_training(space: str, tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=0.0)
    wrong_completion(capture, folder)
    network = Knowing(space, lambda view: SPACES[space](far(view)))
    network.learn(capture, folder)
    maps = DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20)
    assert stage(depth=maps)(capture, folder)["aligned_views"] == 8
    record = folder.read_record()
    for view, entry in zip(capture.sphere.views, record.views, strict=True):
        read = folder.read_view(entry)
        on = view.visible | view.hidden
        assert np.abs(read.object_depth - view.object_depth)[on].max() < 0.01
        np.testing.assert_array_equal(read.object_depth[~on], 0)
        assert read.depth_sigma is not None and read.depth_sigma.max() < 0.005
        table = RayBuilder(**ray_options())(read, record.frame)
        known = table.surface_distance > 0
        assert known[table.role == Role.VISIBLE].float().mean() > 0.9  # all but mixed pixels at edges
        assert known[table.role == Role.HIDDEN].all()


def test_surface_that_other_frames_measured_keeps_its_depth(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=1.0)
    network = Knowing("inverse", lambda view: 1 / (far(view) + np.where(view.hidden, 0.2, 0)))
    network.learn(capture, folder)
    for view in capture.sphere.views:  # what the fused surface says, so that it counts as measured
        np.testing.assert_allclose(folder.read_depth("inpainted/depth", view.index), view.object_depth, atol=0.001)
    maps = DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20)
    stage(depth=maps)(capture, folder)
    moved = [np.abs(folder.read_depth("cues/depth", v.index) - v.object_depth)[v.hidden] for v in capture.sphere.views]
    assert np.median(np.concatenate(moved)) < 0.002


def test_a_worse_fit_counts_less_in_training(tmp_path: Path) -> None:
    sigmas = []
    for noise in (0.0, 0.02):
        capture, folder = painted(tmp_path / str(noise), evidence=0.0)
        wrong_completion(capture, folder)
        rng = np.random.default_rng(0)
        network = Knowing("affine", lambda view: far(view) + noise * rng.standard_normal((64, 64)))  # noqa: B023
        network.learn(capture, folder)
        stage(depth=DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20))(
            capture, folder
        )
        record = folder.read_record()
        table = RayBuilder(**ray_options(completed_sigma=0.0))(folder.read_view(record.views[0]), record.frame)
        scale = float(record.frame.scale)
        sigmas.append(float(table.sigma[table.role == Role.HIDDEN].float().median()) * scale)
    assert sigmas[0] < 0.01 and sigmas[1] - sigmas[0] > 0.01


def test_without_the_sensor_its_depth_is_replaced_by_scale_and_shift_alone(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=0.0)
    network = Knowing("inverse", lambda view: 1 / far(view) + 0.02 * (np.arange(64)[:, None] > 32))
    network.learn(capture, folder)
    stage(depth=DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=False, min_pixels=20))(
        capture, folder
    )
    view = capture.sphere.views[0]
    found = folder.read_depth("cues/depth", view.index)
    error = np.abs(found - view.object_depth)[view.visible]
    assert error.max() > 0.01 and np.median(error) < 0.05
    assert (folder.read_depth("cues/depth_sigma", view.index)[view.visible] > 0).mean() > 0.9


def test_hidden_surface_lies_behind_what_covers_it(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=0.0)
    network = Knowing("inverse", lambda view: 1 / np.where(view.hidden, 0.5, far(view)))
    network.learn(capture, folder)
    stage(depth=DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20))(
        capture, folder
    )
    for view in capture.sphere.views:
        found = folder.read_depth("cues/depth", view.index)
        assert (found >= view.depth - 0.001)[view.hidden].all()


def test_views_that_cannot_be_aligned_stay_as_they_were(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=0.0)
    network = Knowing("affine", lambda view: -far(view))
    network.learn(capture, folder)
    notes = stage(depth=DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20))(
        capture, folder
    )
    assert notes["aligned_views"] == 0
    for view in capture.sphere.views:
        np.testing.assert_allclose(folder.read_depth("cues/depth", view.index), view.object_depth, atol=0.001)


def test_the_sensor_alone_leaves_no_depth_of_an_earlier_network(tmp_path: Path) -> None:
    capture, folder = painted(tmp_path)
    network = Knowing("inverse", lambda view: 1 / far(view))
    network.learn(capture, folder)
    stage(depth=DepthMaps(maps=Predicted(network=network, batch_size=8), keep_sensor=True, min_pixels=20))(
        capture, folder
    )
    assert folder.read_view(folder.read_record().views[0]).depth_sigma is not None
    stage()(capture, folder)
    assert folder.read_view(folder.read_record().views[0]).depth_sigma is None


def test_normals_are_no_depth() -> None:
    with pytest.raises(ValueError, match="gives 'snu' and no depth"):
        DepthMaps(
            maps=Predicted(network=Knowing("snu", lambda view: view.normal), batch_size=1),
            keep_sensor=True,
            min_pixels=2,
        )
