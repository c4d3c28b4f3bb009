"""Pairs of frames that see the same surface, and what each pair says about its two poses."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int

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
LEAST_SLOPE = 0.02
"""Change of contrast with a pixel below which it says nothing."""


class Kind(IntEnum):
    """What a residual is of."""

    DEPTH = 0
    OUTLINE = 1
    COLOR = 2


@dataclass(frozen=True)
class Residuals:
    """Signed distances (metres) along world `directions`, from where frame j has it to `points` of frame i (world),
    with standard deviations."""

    points: Float[np.ndarray, "n 3"]
    directions: Float[np.ndarray, "n 3"]
    distances: Float[np.ndarray, "n"]
    sigma: Float[np.ndarray, "n"]
    kind: Int[np.ndarray, "n"]
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
    blur: int | None,
) -> Residuals:
    """Points of frame i against the planes that frame j measured where they project, if that is within `gate` metres;
    the object's points that j sees past (by `margin` metres and noise), against the outline of the mask in j; and
    the contrast of what both see at that `blur` of theirs (None: without)."""
    depth, (seen, pixels, z) = _depth_part(i, j, pose_i, pose_j, gate)
    outline, judged = _outline_part(i, j, pose_i, pose_j, margin)
    parts = {Kind.DEPTH: depth, Kind.OUTLINE: outline}
    if blur is not None:
        parts[Kind.COLOR] = _color_part(i, j, pose_i, pose_j, seen, pixels, z, blur)
    joined = [np.concatenate(same) for same in zip(*parts.values(), strict=True)]
    kind = np.repeat([int(k) for k in parts], [len(part[2]) for part in parts.values()])
    return Residuals(joined[0], joined[1], joined[2], joined[3], kind, judged)


def _depth_part(
    i: Sight, j: Sight, pose_i: np.ndarray, pose_j: np.ndarray, gate: float
) -> tuple[list[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """And which points of i these are, and their pixels and z in j."""
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
    seen = inside[good]
    return [world[seen], direction[good], distance[good], sigma[good]], (seen, pixels[seen], z[seen])


def _color_part(
    i: Sight,
    j: Sight,
    pose_i: np.ndarray,
    pose_j: np.ndarray,
    seen: np.ndarray,
    pixels: np.ndarray,
    z: np.ndarray,
    blur: int,
) -> list[np.ndarray]:
    """Difference in contrast, as a distance along its slope; that of 1 is the standard deviation."""
    there = bilinear(j.shades[blur], pixels)
    difference, slope = there[:, 0] - i.point_shades[blur][seen], there[:, 1:]
    steep = np.linalg.norm(slope, axis=1) > LEAST_SLOPE
    direction, rate = _along_image(j, pixels[steep], slope[steep])
    metres = z[steep] / rate
    world = moved(pose_i, i.points[seen[steep]])
    return [world, direction @ pose_j[:3, :3].T, difference[steep] * metres, metres]


def bilinear(image: Float[np.ndarray, "height width channels"], pixels: np.ndarray) -> Float[np.ndarray, "n channels"]:
    """Values at pixels, whose centres lie at +0.5."""
    at = np.clip(pixels - 0.5, 0, np.array(image.shape[1::-1]) - 1.001)
    column, row = np.floor(at).astype(int).T
    x, y = (at - np.floor(at)).T[..., None]
    upper = (1 - x) * image[row, column] + x * image[row, column + 1]
    lower = (1 - x) * image[row + 1, column] + x * image[row + 1, column + 1]
    return (1 - y) * upper + y * lower


def _along_image(j: Sight, pixels: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The camera direction (unit) in which a value of image j with that slope (a pixel) changes most, and how much a
    metre changes it at z = 1."""
    k = j.camera.intrinsics
    along = slope * k[[0, 1], [0, 1]]
    slant = (pixels - k[:2, 2]) / k[[0, 1], [0, 1]]
    direction = np.concatenate([along, -(along * slant).sum(-1, keepdims=True)], 1)
    rate = np.linalg.norm(direction, axis=-1)
    return direction / rate[:, None], rate


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
    direction, rate = _along_image(j, pixels[at], gradient)
    distance, direction = outside[good] * z / rate, direction @ pose_j[:3, :3].T
    return [world[at], direction, distance, OUTLINE_SIGMA * z / rate], int(seen.sum())


def _slope(image: np.ndarray, row: np.ndarray, column: np.ndarray, axis: int) -> np.ndarray:
    """Central difference of an image at pixels."""
    step = (0, 1) if axis else (1, 0)
    high = image[np.minimum(row + step[0], image.shape[0] - 1), np.minimum(column + step[1], image.shape[1] - 1)]
    low = image[np.maximum(row - step[0], 0), np.maximum(column - step[1], 0)]
    return 0.5 * (high.astype(float) - low)
