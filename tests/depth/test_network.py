"""Depth from a network that is right up to scale and shift in every picture, against the sensor's."""

from pathlib import Path

import numpy as np
import pytest
from composed_parts import built
from depth_oracle import Blind, Oracle, sample_points

from o2recon.depth import NetworkDepth
from o2recon.scene import Scene


def source(network: object, **options: object) -> NetworkDepth:
    found = built("depth", "depth=network", **options)
    assert isinstance(found, NetworkDepth)
    found.network = network  # type: ignore[assignment]
    return found


def errors(made: Scene, truth: Scene) -> tuple[np.ndarray, float]:
    """|z / true z - 1| where both are known, and the share of the sensor's pixels that have depth."""
    pairs = [(made.frame(i).depth, truth.frame(i).depth) for i in truth.indices]
    found = np.concatenate([np.abs(a / b - 1)[(a > 0) & (b > 0)] for a, b in pairs])
    return found, float(np.mean([((a > 0) & (b > 0)).sum() / (b > 0).sum() for a, b in pairs]))


def test_with_sparse_points_the_depth_is_the_sensor_s(tiny_scene: Scene, tmp_path: Path) -> None:
    points = sample_points(tiny_scene, 3000, noise=0.003)
    made = source(Oracle(tiny_scene))(Blind(tiny_scene, points), tmp_path, device="cpu")
    found, share = errors(made, tiny_scene)
    assert np.median(found) < 0.003 and np.quantile(found, 0.95) < 0.01
    assert share > 0.8
    floor, expected = made.floor_height(), tiny_scene.floor_height()
    assert floor is not None and expected is not None and abs(floor - expected) < 0.02
    assert made.depth_sigma(np.array([2.0])) > tiny_scene.depth_sigma(np.array([2.0]))


def test_without_points_matched_features_give_the_scale(tiny_scene: Scene, tmp_path: Path) -> None:
    made = source(Oracle(tiny_scene))(Blind(tiny_scene), tmp_path, device="cpu")
    found, share = errors(made, tiny_scene)
    assert np.median(found) < 0.02 and share > 0.6


def test_frames_without_points_are_fitted_to_what_other_frames_see(tiny_scene: Scene, tmp_path: Path) -> None:
    """Only the first half of the frames have points of their own."""
    half = Blind(tiny_scene)
    half.poses = {i: tiny_scene.poses[i] for i in tiny_scene.indices[::2]}
    made = source(Oracle(tiny_scene), fitter__min_points=60)
    blind = Blind(tiny_scene, sample_points(tiny_scene, 3000, noise=0.0))
    making = made(blind, tmp_path, device="cpu")
    before = making.depth_sigma(np.ones(1))
    from o2recon.depth import network as module

    def some(points, camera, pose, *, cell_px):  # type: ignore[no-untyped-def]
        found = module_seen(points, camera, pose, cell_px=cell_px)
        first = next(i for i, p in tiny_scene.poses.items() if p is pose or np.array_equal(p, pose))
        return found if first in half.poses else module.SparseDepth(found.pixels[:5], found.z[:5])

    module_seen = module.seen_points
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "seen_points", some)
        other = made(blind, tmp_path / "other", device="cpu")
        found, share = errors(other, tiny_scene)
    notes = next((tmp_path / "other").glob("*/notes.json")).read_text()
    assert f'"frames_by_neighbors": {len(tiny_scene.indices) - len(half.poses)}' in notes
    assert np.median(found) < 0.01 and share > 0.7 and before > 0


def test_a_frame_that_is_wrong_is_not_confirmed(tiny_scene: Scene, tmp_path: Path) -> None:
    oracle = Oracle(tiny_scene)
    bad = tiny_scene.indices[3]

    class Lying(Oracle):
        def _map(self, index: int) -> np.ndarray:
            found = oracle._map(index)
            if index == bad:
                found[:, found.shape[1] // 2 :] = found.max()  # as if a wall stood right before the camera
            return found

    points = sample_points(tiny_scene, 3000, noise=0.0)
    made = source(Lying(tiny_scene))(Blind(tiny_scene, points), tmp_path, device="cpu")
    honest = source(oracle)(Blind(tiny_scene, points), tmp_path / "honest", device="cpu").frame(bad).depth
    depth = made.frame(bad).depth
    half = depth.shape[1] // 2
    assert (depth[:, half:] > 0).sum() < 0.5 * (honest[:, half:] > 0).sum()
    truth = tiny_scene.frame(bad).depth
    kept = (depth > 0) & (truth > 0)
    assert (np.abs(depth / np.where(kept, truth, 1) - 1)[kept] > 0.1).mean() < 0.03


def test_what_was_made_is_kept_and_the_network_s_maps_serve_other_options(tiny_scene: Scene, tmp_path: Path) -> None:
    blind, oracle = Blind(tiny_scene, sample_points(tiny_scene, 2000, noise=0.0)), Oracle(tiny_scene)
    first = source(oracle)(blind, tmp_path, device="cpu")
    before, calls = first.frame(0).depth, oracle.calls
    assert first.fingerprint() != blind.fingerprint()
    again = source(oracle)(blind, tmp_path, device="cpu")
    assert again.fingerprint() == first.fingerprint()
    np.testing.assert_array_equal(again.frame(0).depth, before)
    other = source(oracle, tolerance=0.02)(blind, tmp_path, device="cpu")
    assert other.fingerprint() != first.fingerprint() and not np.array_equal(other.frame(0).depth, before)
    assert oracle.calls == calls


def test_a_network_that_fits_nothing_is_said(tiny_scene: Scene, tmp_path: Path) -> None:
    class Backwards(Oracle):
        def _map(self, index: int) -> np.ndarray:
            return -super()._map(index)

    points = sample_points(tiny_scene, 2000, noise=0.0)
    made = source(Backwards(tiny_scene))(Blind(tiny_scene, points), tmp_path, device="cpu")
    with pytest.raises(ValueError, match="fits the sparse points of no frame"):
        made.frame(0)
    assert not list(tmp_path.glob("*/notes.json"))


def test_missing_weights_are_said_before_anything_is_made(tiny_scene: Scene, tmp_path: Path) -> None:
    made = built("depth", "depth=network", network__model="nobody/nothing")(Blind(tiny_scene), tmp_path, device="cpu")
    with pytest.raises(ValueError, match="hf download nobody/nothing"):
        made.frame(0)
