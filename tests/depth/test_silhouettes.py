"""Visual hulls of balls whose masks are known in closed form."""

from pathlib import Path

import numpy as np
import pytest
from composed_parts import built
from hydra.errors import InstantiationException

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.depth import DepthScene, Silhouettes
from o2recon.depth.hull import Outline, region
from o2recon.scene import Scene
from o2recon.transforms import voxel_centers
from o2recon.types import Camera, Frame

CAMERA = Camera(np.array([[120.0, 0, 80], [0, 120, 60], [0, 0, 1]]), 160, 120)


class Balls(Scene):
    """Cameras on two circles around balls (centre, radius) with ids 1, 2 ...; the nearest one is seen."""

    def __init__(self, balls: list[tuple[list[float], float]], *, views: int = 16, arc: float = 360.0) -> None:
        self.balls, self.name, self.root, self.camera = balls, "balls", Path("balls"), CAMERA
        self.up, self.labels, self.skipped, self.num_listed = np.array([0.0, 0, 1]), {}, {}, 2 * views
        self.max_bad_share, self.groundtruth, self.has_depth = 0.1, None, False
        angles = np.deg2rad(np.arange(views) * arc / views)
        places = [[2.5 * np.cos(a), 2.5 * np.sin(a), h] for h in (0.2, 1.6) for a in angles]
        self.poses = {i: looking(np.array(p), np.array([0, 0, 0.3])) for i, p in enumerate(places)}

    def hits(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """True depth (inf: nothing) and ids."""
        rays = unnormalized_rays(CAMERA, pixel_centers(CAMERA))
        pose = self.poses[index]
        nearest, ids = np.full(rays.shape[:2], np.inf), np.zeros(rays.shape[:2], np.int32)
        for number, (center, radius) in enumerate(self.balls, start=1):
            local = pose[:3, :3].T @ (np.array(center) - pose[:3, 3])
            a, b = (rays**2).sum(-1), rays @ local
            root = b**2 - a * (local @ local - radius**2)
            z = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
            closer = z < nearest
            nearest, ids = np.where(closer, z, nearest), np.where(closer, number, ids)
        return nearest, ids

    def frame(self, index: int) -> Frame:
        ids = self.hits(index)[1]
        nothing = np.zeros(ids.shape, np.float32)
        return Frame(index, np.zeros((*ids.shape, 3), np.uint8), nothing, ids, CAMERA, self.poses[index])

    def instance(self, index: int) -> np.ndarray:
        return self.hits(index)[1]

    label = instance

    def sketches(self, object_id: int) -> dict:
        return {}

    def depth_sigma(self, z: np.ndarray) -> np.ndarray:
        return np.full_like(z, 0.001)

    def floor_height(self) -> None:
        return None

    def fingerprint(self) -> str:
        return str((self.balls, len(self.poses)))


def looking(place: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Camera in `place` that looks `at` a point, upright."""
    forward = (at - place) / np.linalg.norm(at - place)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, place], -1)
    return pose


def source(**values: object) -> Silhouettes:
    found = built("depth", "depth=silhouettes", max_voxels=60000, coarse_voxels=32, **values)
    assert isinstance(found, Silhouettes)
    return found


ONE = [([0.1, -0.1, 0.3], 0.4)]


def test_the_hull_holds_the_ball_and_little_more(tmp_path: Path) -> None:
    (volume,) = source().hulls(Balls(ONE)).values()
    distance = np.linalg.norm(voxel_centers(volume.grid) - ONE[0][0], axis=-1)
    assert volume.permitted[distance < 0.4].mean() > 0.999
    assert 1.0 < float(volume.permitted.sum()) * volume.grid.spacing**3 / (4 / 3 * np.pi * 0.4**3) < 1.2
    assert volume.permitted[distance > 0.4 + 0.12].sum() == 0


def test_depth_is_the_hull_s_near_the_ball_and_far_beside_it(tmp_path: Path) -> None:
    scene = Balls(ONE)
    made = source()(scene, tmp_path, device="cpu")
    assert isinstance(made, DepthScene) and made.has_depth and made.floor_height() is None
    for index in (0, 5, 20):
        true, ids = scene.hits(index)
        depth = made.frame(index).depth
        off = (true - depth)[(ids == 1) & (depth > 0)]
        assert (depth > 0)[ids == 1].mean() > 0.95
        assert np.quantile(off, 0.02) > -0.02 and np.median(off) < 0.05  # in front of the ball, and near it
        assert depth[ids == 0].min() >= 4.0


def test_what_another_object_covers_is_not_carved_away(tmp_path: Path) -> None:
    """A ball before the other one, for cameras on one side: the hidden part stays, and would go if it were nothing."""
    balls = [([0.0, 0, 0.3], 0.4), ([0.9, 0, 0.3], 0.25)]
    scene = Balls(balls)
    hull = source().hulls(scene)[1]
    inside = np.linalg.norm(voxel_centers(hull.grid) - balls[0][0], axis=-1) < 0.38
    assert hull.permitted[inside].mean() > 0.99

    class Unlabelled(Balls):
        def hits(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            z, ids = super().hits(index)
            return z, np.where(ids == 2, 0, ids).astype(np.int32)

    cut = source().hulls(Unlabelled(balls))[1]
    inside = np.linalg.norm(voxel_centers(cut.grid) - balls[0][0], axis=-1) < 0.38
    volume = float((cut.permitted & inside).sum()) * cut.grid.spacing**3
    assert volume < 0.9 * float(hull.permitted.sum()) * hull.grid.spacing**3


def test_masks_that_bleed_in_a_few_frames_do_not_cut_the_object() -> None:
    class Bleeding(Balls):
        def hits(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            z, ids = super().hits(index)
            return z, np.where((np.arange(160) < 82) & (index == 3), 0, ids).astype(np.int32)

    (volume,) = source().hulls(Bleeding(ONE)).values()
    distance = np.linalg.norm(voxel_centers(volume.grid) - ONE[0][0], axis=-1)
    assert volume.permitted[distance < 0.38].mean() > 0.99


def test_unknown_background_has_no_depth(tmp_path: Path) -> None:
    made = source(background="unknown")(Balls(ONE), tmp_path, device="cpu")
    frame = made.frame(0)
    assert not frame.depth[frame.instance == 0].any() and frame.depth[frame.instance == 1].any()


def test_what_cannot_be_carved_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no object can be carved from its masks"):
        source(min_frames=99).hulls(Balls(ONE))
    with pytest.raises(InstantiationException, match="background is 'before'"):
        source(background="before")
    blind = Balls(ONE)
    blind.has_instances = False
    with pytest.raises(ValueError, match="has no object ids"):
        source()(blind, tmp_path, device="cpu")


def test_rays_that_do_not_meet_give_no_region() -> None:
    pose = np.eye(4)
    same = [Outline(pose, np.array([80.0, 60]), 10.0, False)] * 5
    assert region(CAMERA, same, growth=2.0) is None
