"""A painted floor: depth holds neither turns about the vertical nor shifts along it; what is painted there does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from box_room import BoxRoom, drifted
from hydra.errors import InstantiationException

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.poses import PosedScene
from o2recon.poses.sights import Region, contrasts, sight
from o2recon.scene.derived import DerivedScene
from o2recon.types import Camera, Frame

SPOTS = np.array([[0.2, 0, 0], [-0.2, 0, 0], [0, 0.2, 0], [0, -0.2, 0]])


class PaintedFloor(BoxRoom):
    """The object is a round rug; every frame is exposed otherwise."""

    def _cast(self, index: int, pose: np.ndarray) -> Frame:
        rays = unnormalized_rays(self.camera, pixel_centers(self.camera)) @ pose[:3, :3].T
        depth = -pose[2, 3] / rays[..., 2]
        depth = np.where((depth > 0) & (depth < 4), depth, 0)
        x, y = (pose[:3, 3] + depth[..., None] * rays)[..., :2].transpose(2, 0, 1)
        paint = np.sin(31 * x + 7 * y) + np.sin(43 * y - 11 * x) + np.sin(17 * x - 23 * y)
        grey = (120 + 4 * index) + (14 + index) * paint * (depth > 0)
        color = np.repeat(grey.round().astype(np.uint8)[..., None], 3, -1)
        ids = ((depth > 0) & (x**2 + y**2 < 0.35**2)).astype(np.int32)
        return Frame(index, color, depth.astype(np.float32), ids, self.camera, pose)


class Slid(DerivedScene):
    """Frames shifted along the floor and turned about the vertical."""

    def __init__(self, base: BoxRoom) -> None:
        super().__init__(base, identity="slid")
        walk = np.cumsum(np.random.default_rng(0).normal(size=(len(base.indices), 3)), 0)
        walk = (walk - walk.mean(0)) / np.abs(walk - walk.mean(0)).max(0)
        self.poses = {
            i: drifted(base.poses[i], np.array([0, 0, 0.01 * w[0]]), 0.015 * np.array([w[1], w[2], 0]))
            for i, w in zip(base.indices, walk, strict=True)
        }

    def frame(self, index: int) -> Frame:
        return replace(self.base.frame(index), camera_to_world=self.poses[index])


def apart_cm(poses: dict, truth: dict) -> float:
    places = np.stack([SPOTS @ m[:3, :3].T + m[:3, 3] for m in (poses[i] @ np.linalg.inv(truth[i]) for i in truth)])
    return float(100 * np.sqrt(((places - places.mean(0)) ** 2).sum(-1).mean()))


def refined(scene: Slid, folder: Path, *options: str) -> PosedScene:
    small = (
        "poses.num_points=200",
        "poses.width=160",
        "poses.partners=2",
        "poses.around=0.4",
        "poses.adjustment.outline_weight=0.0",
    )
    made = build(composed("run", ("poses=refined", *small, *options)).poses)(
        scene, folder, object_id=1, frames=scene.indices
    )
    assert isinstance(made, PosedScene)
    return made


def test_what_is_painted_on_a_floor_brings_back_frames_that_slid_along_it(tmp_path: Path) -> None:
    room = PaintedFloor(8)
    slid = Slid(room)
    before = apart_cm(slid.poses, room.poses)
    found = refined(slid, tmp_path)
    assert before > 0.8 and apart_cm(found.poses, room.poses) < 0.2 * before
    contrast = found.notes["contrast_apart"]
    assert found.notes["refined"] and contrast[1] < 0.5 * contrast[0]
    without = refined(slid, tmp_path, "poses.adjustment.color_weight=0.0")
    assert not without.notes["refined"] and without.notes["contrast_apart"] == [None, None]


def test_contrast_is_the_same_with_another_exposure() -> None:
    paint = np.random.default_rng(0).integers(40, 200, (60, 80, 1)).astype(float).repeat(3, 2)
    one, other = (
        contrasts(image.round().astype(np.uint8), [3.0, 0.5], step=1)[..., 0] for image in (paint, 0.6 * paint + 60)
    )
    assert np.abs(one[1]).max() > 1 and np.abs(one[1] - other[1]).max() < 0.06
    assert np.corrcoef(one[0].ravel(), other[0].ravel())[0, 1] > 0.99


def test_the_slopes_of_contrast_are_those_of_a_pixel() -> None:
    ramp = np.broadcast_to(np.arange(60.0)[:, None, None] * 2 + 30, (60, 80, 3)).astype(np.uint8)
    rough = contrasts(ramp, [1.0], step=1)[0]
    np.testing.assert_allclose(rough[20:40, 40, 2], np.gradient(rough[:, 40, 0])[20:40], atol=1e-6)
    assert np.abs(rough[20:40, 20:60, 1]).max() < 1e-4


def test_contrast_is_that_of_the_pixels_that_depth_keeps() -> None:
    """65 columns in steps of 8 are 9."""
    camera = Camera(np.array([[60.0, 0, 32], [0, 60, 25], [0, 0, 1]]), 65, 50)
    paint = np.random.default_rng(0).integers(0, 255, (50, 65, 3)).astype(np.uint8)
    flat = np.ones((50, 65), np.float32)
    frame = Frame(0, paint, flat, flat.astype(np.int32), camera, np.eye(4))
    found = sight(frame, 1, Region(np.zeros(3), 5.0), np.zeros_like, width=8, num_points=50, blurs=[1.0])
    assert found.shades.shape == (1, *found.depth.shape, 3)


@pytest.mark.parametrize("option", ["blurs=[1.0]", "blurs=[3.0,1.0,0.0]", "color_weight=-1.0"])
def test_options_of_colour_out_of_range_are_named(option: str) -> None:
    with pytest.raises(InstantiationException, match=option.split("=")[0]):
        build(composed("run", ("poses=refined", f"poses.adjustment.{option}")).poses)
