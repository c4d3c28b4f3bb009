"""Pairs of frames that see the same surface, and what each pair says about its two poses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2recon.cameras import inside_image, project, unnormalized_rays
from o2recon.poses.sights import Sight

MIN_OVERLAP = 0.25
"""Share of a frame's points that another one must see for the two to be a pair."""
SAME_SURFACE = 0.1
"""Metres in depth within which two frames may mean the same surface when pairs are chosen."""
MAX_TURN = 0.6
"""Cosine between normals that are of one surface."""
OUTLINE_REACH = 12.0
"""Pixels beyond the mask up to which an outline pulls."""
OUTLINE_SIGMA = 1.5
"""Pixels."""


@dataclass(frozen=True)
class Residuals:
    """Signed distances (metres) along world `directions`, from where frame j has it to `points` of frame i (world),
    with standard deviations. `is_outline` tells silhouette from depth."""

    points: Float[np.ndarray, "n 3"]
    directions: Float[np.ndarray, "n 3"]
    distances: Float[np.ndarray, "n"]
    sigma: Float[np.ndarray, "n"]
    num_outline: int
    """The last ones are of silhouettes."""
    num_judged: int
    """Points of the object whose silhouette could have been contradicted."""


def choose_pairs(sights: Sequence[Sight], *, partners: int) -> list[tuple[int, int]]:
    """Ordered pairs (i, j): for each frame its neighbours in time and others that see what it sees, evenly chosen from
    all that do."""
    pairs = []
    for i, own in enumerate(sights):
        some = own.points[:: max(len(own.points) // 100, 1)]
        if len(some) == 0:
            continue
        world = moved(own.given, some)
        seeing = [j for j, other in enumerate(sights) if j != i and _overlap(other, world) >= MIN_OVERLAP]
        near = [j for j in seeing if abs(j - i) <= 2]
        far = [j for j in seeing if abs(j - i) > 2]
        chosen = np.linspace(0, len(far) - 1, min(partners, len(far))).round().astype(int)
        pairs += [(i, j) for j in sorted({*near, *(far[k] for k in chosen)})]
    return pairs


def _overlap(other: Sight, world: np.ndarray) -> float:
    pixels, z = project(other.camera, other.given, world)
    inside = inside_image(other.camera, pixels, z)
    column, row = np.floor(pixels[inside]).astype(int).T
    return float((np.abs(other.depth[row, column] - z[inside]) < SAME_SURFACE).sum()) / len(world)


def moved(pose: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
    """Camera to world."""
    return points @ pose[:3, :3].T + pose[:3, 3]


def residuals(
    i: Sight,
    j: Sight,
    pose_i: Float[np.ndarray, "4 4"],
    pose_j: Float[np.ndarray, "4 4"],
    *,
    gate: float,
    margin: float,
) -> Residuals:
    """Points of frame i against the planes that frame j measured where they project, if that is within `gate` metres;
    and the object's points that j sees past (by `margin` metres and noise), against the outline of the mask in j."""
    depth, outline, judged = _depth_part(i, j, pose_i, pose_j, gate), *_outline_part(i, j, pose_i, pose_j, margin)
    joined = [np.concatenate([a, b]) for a, b in zip(depth, outline, strict=True)]
    return Residuals(joined[0], joined[1], joined[2], joined[3], len(outline[2]), judged)


def _depth_part(i: Sight, j: Sight, pose_i: np.ndarray, pose_j: np.ndarray, gate: float) -> list[np.ndarray]:
    world = moved(pose_i, i.points)
    pixels, z = project(j.camera, pose_j, world)
    inside = np.flatnonzero(inside_image(j.camera, pixels, z))
    column, row = np.floor(pixels[inside]).astype(int).T
    measured, normal = j.depth[row, column].astype(float), j.normal[row, column].astype(float)
    direction = normal @ pose_j[:3, :3].T
    turn = (direction * (i.normals[inside] @ pose_i[:3, :3].T)).sum(-1)
    center = np.stack([column + 0.5, row + 0.5], -1)
    local = unnormalized_rays(j.camera, center) * measured[:, None]
    distance = ((world[inside] - moved(pose_j, local)) * direction).sum(-1)
    good = (measured > 0) & (turn > MAX_TURN) & (np.abs(distance) < gate) & (np.abs(z[inside] - measured) < 3 * gate)
    sigma = np.hypot(i.point_sigma[inside], j.sigma[row, column])
    return [world[inside][good], direction[good], distance[good], sigma[good]]


def _outline_part(
    i: Sight, j: Sight, pose_i: np.ndarray, pose_j: np.ndarray, margin: float
) -> tuple[list[np.ndarray], int]:
    world = moved(pose_i, i.own_points)
    pixels, z = project(j.camera, pose_j, world)
    inside = np.flatnonzero(inside_image(j.camera, pixels, z))
    column, row = np.floor(pixels[inside]).astype(int).T
    measured, outside, z = j.depth[row, column], j.outside[row, column].astype(float), z[inside]
    seen = (measured > 0) & (z < measured + margin)
    past = (outside > 0) & (outside < OUTLINE_REACH) & (z < measured - margin - 2 * j.sigma[row, column])
    gradient = np.stack([_slope(j.outside, row, column, 1), _slope(j.outside, row, column, 0)], -1)
    steep = np.linalg.norm(gradient, axis=-1)
    good = past & (steep > 0.3)
    at, gradient, z = inside[good], gradient[good] / steep[good][:, None], z[good]
    k = j.camera.intrinsics
    along = gradient * k[[0, 1], [0, 1]]
    slant = (pixels[at] - k[:2, 2]) / k[[0, 1], [0, 1]]
    direction = np.concatenate([along, -(along * slant).sum(-1, keepdims=True)], 1)
    rate = np.linalg.norm(direction, axis=-1)
    distance = outside[good] * z / rate
    direction = direction / rate[:, None] @ pose_j[:3, :3].T
    return [world[at], direction, distance, OUTLINE_SIGMA * z / rate], int(seen.sum())


def _slope(image: np.ndarray, row: np.ndarray, column: np.ndarray, axis: int) -> np.ndarray:
    """Central difference of an image at pixels."""
    step = (0, 1) if axis else (1, 0)
    high = image[np.minimum(row + step[0], image.shape[0] - 1), np.minimum(column + step[1], image.shape[1] - 1)]
    low = image[np.maximum(row - step[0], 0), np.maximum(column - step[1], 0)]
    return 0.5 * (high.astype(float) - low)
