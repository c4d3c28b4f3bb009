"""Sparse points of a capture that has none: features matched between frames whose poses are known (SIFT, Lowe 2004)."""

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import project, unnormalized_rays
from o2recon.depth.sparse import SparseDepth, neighbors
from o2recon.progress import track
from o2recon.scene.scene import Scene
from o2recon.types import Camera


class Features:
    """Matches every frame with `pairs` others that look the same way (`max_angle` degrees) from at least `min_baseline`
    metres away, and triangulates what agrees with the poses: both reprojection errors below `max_error_px`, rays that
    meet at `min_parallax` degrees or more. `num_features`: per frame; `ratio`: Lowe's test.
    """

    def __init__(
        self,
        *,
        num_features: int,
        ratio: float,
        pairs: int,
        max_angle: float,
        min_baseline: float,
        max_error_px: float,
        min_parallax: float,
    ) -> None:
        self.num_features, self.ratio, self.pairs = num_features, ratio, pairs
        self.max_angle, self.min_baseline = max_angle, min_baseline
        self.max_error_px, self.min_parallax = max_error_px, min_parallax

    def __call__(self, scene: Scene) -> dict[int, SparseDepth]:
        """What every frame sees of the triangulated points. Decodes the colour images of neighbours together."""
        detector, matcher = cv2.SIFT.create(nfeatures=self.num_features), cv2.BFMatcher(cv2.NORM_L2)

        @lru_cache(maxsize=64)
        def described(index: int) -> tuple[np.ndarray, np.ndarray | None]:
            grey = cv2.cvtColor(scene.frame(index).color, cv2.COLOR_RGB2GRAY)
            points, values = detector.detectAndCompute(grey, None)
            return np.array([p.pt for p in points], float).reshape(-1, 2) + 0.5, values

        seen: dict[int, list[SparseDepth]] = {}
        poses = dict(scene.poses)
        for first, second in track(self._pairs(poses), description="depth: matching features"):
            (at, one), (to, two) = described(first), described(second)
            if one is None or two is None or len(one) < 2 or len(two) < 2:
                continue
            good = [m for m, n in matcher.knnMatch(one, two, k=2) if m.distance < self.ratio * n.distance]
            a = at[[m.queryIdx for m in good]].reshape(-1, 2)
            b = to[[m.trainIdx for m in good]].reshape(-1, 2)
            za, zb, keep = self._triangulated(scene.camera, poses[first], poses[second], a, b)
            seen.setdefault(first, []).append(SparseDepth(a[keep], za[keep]))
            seen.setdefault(second, []).append(SparseDepth(b[keep], zb[keep]))
        return {index: SparseDepth.joined(parts) for index, parts in seen.items()}

    def _pairs(self, poses: Mapping[int, np.ndarray]) -> list[tuple[int, int]]:
        """Each pair once, in the order of the frames, so that few descriptions are kept."""
        known, found = dict(poses), set()
        for index in known:
            near = neighbors(index, known, count=self.pairs, max_angle=self.max_angle, min_baseline=self.min_baseline)
            found |= {(min(index, other), max(index, other)) for other in near}
        return sorted(found)

    def _triangulated(
        self, camera: Camera, pose_a: np.ndarray, pose_b: np.ndarray, a: np.ndarray, b: np.ndarray
    ) -> tuple[Float[np.ndarray, "matches"], Float[np.ndarray, "matches"], Bool[np.ndarray, "matches"]]:
        """z in both frames of the points midway between the rays, and which of them agree with the poses."""
        rays_a = unnormalized_rays(camera, a) @ pose_a[:3, :3].T
        rays_b = unnormalized_rays(camera, b) @ pose_b[:3, :3].T
        rays_a /= np.linalg.norm(rays_a, axis=1, keepdims=True)
        rays_b /= np.linalg.norm(rays_b, axis=1, keepdims=True)
        between = pose_b[:3, 3] - pose_a[:3, 3]
        cosine = (rays_a * rays_b).sum(1)
        sine2 = np.maximum(1 - cosine**2, 1e-12)
        s = (rays_a @ between - cosine * (rays_b @ between)) / sine2
        t = (cosine * (rays_a @ between) - rays_b @ between) / sine2
        points = (pose_a[:3, 3] + s[:, None] * rays_a + pose_b[:3, 3] + t[:, None] * rays_b) / 2
        (at, za), (to, zb) = project(camera, pose_a, points), project(camera, pose_b, points)
        near = (np.linalg.norm(at - a, axis=1) < self.max_error_px) & (
            np.linalg.norm(to - b, axis=1) < self.max_error_px
        )
        keep = near & (s > 0) & (t > 0) & (za > 0) & (zb > 0) & (cosine < np.cos(np.deg2rad(self.min_parallax)))
        return za, zb, keep
