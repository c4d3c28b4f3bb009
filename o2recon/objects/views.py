"""Which views of an object are used: spread over the camera path, the best of each neighbourhood."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from o2recon.types import Frame

Score = Callable[[Frame, Bool[np.ndarray, "height width"], str], float]
"""How useful a frame is, given the object's mask in it and its category; higher is better."""


class AreaSharpness:
    """Mask area x sharpness, less for a mask that the image border cuts.

    Area is the share of the image; sharpness the variance of the Laplacian of grey levels inside the mask's box,
    dilated by `margin` of its size; a mask with a share c of its outline on the border keeps 1 - `border_penalty` c.
    """

    def __init__(self, *, margin: float, border_penalty: float) -> None:
        self.margin, self.border_penalty = margin, border_penalty

    def __call__(self, frame: Frame, mask: Bool[np.ndarray, "height width"], category: str = "") -> float:
        """0 for an empty mask; the same for all categories."""
        if not mask.any():
            return 0.0
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        dx, dy = round(self.margin * width), round(self.margin * height)
        box = frame.color[max(y - dy, 0) : y + height + dy, max(x - dx, 0) : x + width + dx]
        sharpness = float(cv2.Laplacian(cv2.cvtColor(box, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())
        border = mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum()
        inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
        cut = min(float(border) / max(int(mask.sum()) - int(inner.sum()), 1), 1.0)
        return float(mask.mean()) * sharpness * (1 - self.border_penalty * cut)


class Views:
    """K-means over camera poses, k = clip(candidates / `frames_per_view`, `min_views`, `max_views`), and the
    best-scoring view of each cluster; all candidates when there are no more than k. Every
    `held_out_every`-th is held out.
    """

    def __init__(
        self, *, score: Score, min_views: int, max_views: int, frames_per_view: float, held_out_every: int, seed: int
    ) -> None:
        if not 1 <= min_views <= max_views:
            raise ValueError(
                f"objects.views has min_views={min_views}, max_views={max_views}; 1 <= min_views <= max_views is needed"
            )
        self.score = score
        self.min_views, self.max_views, self.frames_per_view = min_views, max_views, frames_per_view
        self.held_out_every, self.seed = held_out_every, seed

    def choose(self, scores: Mapping[int, float], poses: Mapping[int, Float[np.ndarray, "4 4"]]) -> tuple[int, ...]:
        """Chosen frames, sorted, among those that have a score."""
        frames = sorted(scores)
        k = int(np.clip(round(len(frames) / self.frames_per_view), self.min_views, self.max_views))
        if len(frames) <= k:
            return tuple(frames)
        cluster = kmeans(pose_features(np.stack([poses[i] for i in frames])), k, seed=self.seed)
        values = np.array([scores[i] for i in frames])
        best = [members[np.argmax(values[members])] for c in range(k) if len(members := np.flatnonzero(cluster == c))]
        return tuple(sorted(frames[i] for i in best))

    def held_out(self, chosen: tuple[int, ...]) -> frozenset[int]:
        """Every n-th of the chosen views, the first one n / 2 views in: with n = 8, five views already hold one."""
        return frozenset(chosen[self.held_out_every // 2 :: self.held_out_every])


def pose_features(poses: Float[np.ndarray, "frames 4 4"]) -> Float[np.ndarray, "frames 7"]:
    """[translation in metres, unit quaternion], signs chosen so that near rotations have near quaternions."""
    quaternions = Rotation.from_matrix(poses[:, :3, :3]).as_quat()
    _, axes = np.linalg.eigh(quaternions.T @ quaternions)
    quaternions = quaternions * np.where(quaternions @ axes[:, -1] < 0, -1.0, 1.0)[:, None]
    return np.concatenate([poses[:, :3, 3], quaternions], 1)


def kmeans(points: Float[np.ndarray, "points d"], k: int, *, seed: int) -> Int[np.ndarray, "points"]:
    """Cluster of every point: k-means++ start, then Lloyd's iterations. Clusters that run empty stay empty."""
    generator = np.random.default_rng(seed)
    centers = points[generator.integers(len(points))][None]
    while len(centers) < k:
        squared = ((points[:, None] - centers[None]) ** 2).sum(-1).min(1)
        if squared.sum() == 0:
            break
        centers = np.concatenate([centers, points[generator.choice(len(points), p=squared / squared.sum())][None]])
    cluster = np.full(len(points), -1)
    for _ in range(100):
        nearest = ((points[:, None] - centers[None]) ** 2).sum(-1).argmin(1)
        if (nearest == cluster).all():
            break
        cluster = nearest
        for c in np.unique(cluster):
            centers[c] = points[cluster == c].mean(0)
    return cluster
