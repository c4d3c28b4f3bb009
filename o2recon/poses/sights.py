"""What one frame sees of an object and around it, reduced to what its pose is refined with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.types import Camera, Frame

NORMAL_STEP = 4
"""Pixels of the reduced image to each side over which a normal is taken."""
STEEPEST = 0.2
"""Cosine of incidence below which depth is too uncertain."""
CONTRAST_REACH = 8.0
"""Pixels of the reduced image around each, a standard deviation, over which brightness is compared with its mean."""
LEAST_CONTRAST = 4.0
"""Grey levels below which differences are noise."""


@dataclass(frozen=True)
class Sight:
    """A reduced frame, in the coordinates of its camera (metres).

    `normal` is 0 where there is none; `outside` is the distance (pixels) to the object's mask, 0 on it. `points` with
    their `normals` and `sigma` are drawn from it; `own_points` are on the object, at most half of them with a normal.
    """

    index: int
    camera: Camera
    given: Float[np.ndarray, "4 4"]
    depth: Float[np.ndarray, "height width"]
    normal: Float[np.ndarray, "height width 3"]
    sigma: Float[np.ndarray, "height width"]
    outside: Float[np.ndarray, "height width"]
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    point_sigma: Float[np.ndarray, "points"]
    own_points: Float[np.ndarray, "own 3"]
    shades: Float[np.ndarray, "blurs height width 3"]
    """Local contrast and its slopes along columns and rows, blurred ever less."""
    point_shades: Float[np.ndarray, "blurs points"]


@dataclass(frozen=True)
class Region:
    """The part of the room that poses are refined on: a ball, world metres."""

    center: Float[np.ndarray, "3"]
    radius: float


def reduced(frame: Frame, object_id: int, *, width: int) -> tuple[Camera, np.ndarray, np.ndarray]:
    """Camera, depth and mask of about `width` columns: every n-th pixel of smoothed depth."""
    step = every(frame.camera, width)
    smooth = np.where(frame.depth > 0, cv2.medianBlur(frame.depth.astype(np.float32), 5), 0)
    depth = smooth[::step, ::step]
    own = (frame.instance == object_id)[::step, ::step]
    intrinsics = frame.camera.intrinsics.astype(float).copy()
    intrinsics[:2] /= step
    intrinsics[:2, 2] += 0.5 - 0.5 / step
    return Camera(intrinsics, depth.shape[1], depth.shape[0]), depth, own


def every(camera: Camera, width: int) -> int:
    """The n of every n-th pixel that is kept of an image for about `width` columns."""
    return max(round(camera.width / width), 1)


def region_of(clouds: list[np.ndarray], *, around: float) -> Region | None:
    """The ball that holds 90 % of the points (world) of some frames, `around` metres wider; None without points."""
    points = np.concatenate([np.zeros((0, 3)), *clouds])
    if len(points) == 0:
        return None
    center = np.median(points, 0)
    return Region(center, float(np.percentile(np.linalg.norm(points - center, axis=1), 90)) + around)


def own_cloud(frame: Frame, object_id: int, *, count: int = 200) -> Float[np.ndarray, "points 3"]:
    """Some of the object's measured points, world."""
    rows, columns = np.nonzero((frame.instance == object_id) & (frame.depth > 0))
    step = max(len(rows) // count, 1)
    rows, columns = rows[::step], columns[::step]
    rays = unnormalized_rays(frame.camera, pixel_centers(frame.camera)[rows, columns])
    local = rays * frame.depth[rows, columns][:, None]
    return local @ frame.camera_to_world[:3, :3].T + frame.camera_to_world[:3, 3]


def sight(
    frame: Frame,
    object_id: int,
    region: Region,
    depth_sigma: Callable[[np.ndarray], np.ndarray],
    *,
    width: int,
    num_points: int,
    blurs: Sequence[float],
) -> Sight:
    """Up to `num_points` points of the region, half of them on the object where it has so many."""
    camera, depth, own = reduced(frame, object_id, width=width)
    rays = unnormalized_rays(camera, pixel_centers(camera)).astype(np.float32)
    local = rays * depth[..., None]
    pose = frame.camera_to_world
    center = (region.center - pose[:3, 3]) @ pose[:3, :3]
    near = (depth > 0) & (((local - center) ** 2).sum(-1) < region.radius**2)
    normal = _normals(local, depth, rays)
    usable = near & (normal != 0).any(-1)
    generator = np.random.default_rng(frame.index)
    on_object = _drawn(usable & own, num_points // 2, generator)
    around = _drawn(usable & ~own, num_points - len(on_object[0]), generator)
    at = tuple(np.concatenate(pair) for pair in zip(on_object, around, strict=True))
    rim = _drawn(near & own, num_points // 2, generator)
    sigma = depth_sigma(depth).astype(np.float32)
    outside = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 5) if own.any() else np.full_like(depth, 1e6)
    shades = contrasts(frame.color, blurs, step=every(frame.camera, width))
    return Sight(
        *(frame.index, camera, pose.astype(float), depth, normal, sigma, outside),
        *(local[at].astype(float), normal[at].astype(float), sigma[at].astype(float), local[rim].astype(float)),
        *(shades, shades[:, at[0], at[1], 0]),
    )


def contrasts(
    color: UInt8[np.ndarray, "rows columns 3"], blurs: Sequence[float], *, step: int
) -> Float[np.ndarray, "blurs height width 3"]:
    """Brightness less its mean nearby, in standard deviations there, so that exposure and shading do not matter; and
    how fast it changes with a pixel of the reduced image, every `step`-th; `blurs`: standard deviations, in these."""
    grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = []
    for blur in blurs:
        smooth = cv2.GaussianBlur(grey, (0, 0), blur * step)[::step, ::step]
        reach = (0, 0), max(CONTRAST_REACH, 3 * blur)
        over = smooth - cv2.GaussianBlur(smooth, *reach)
        local = over / np.sqrt(cv2.GaussianBlur(over * over, *reach) + LEAST_CONTRAST**2)
        found.append(np.stack([local, *np.gradient(local)[::-1]], -1))
    shape = (0, *grey[::step, ::step].shape, 3)
    return np.stack(found).astype(np.float32) if found else np.zeros(shape, np.float32)


def _normals(local: np.ndarray, depth: np.ndarray, rays: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """Unit normals towards the camera; 0 at depth edges, beside drop-out and where the surface is seen edge-on."""
    n = NORMAL_STEP
    across, down = np.zeros_like(local), np.zeros_like(local)
    across[:, n:-n] = local[:, 2 * n :] - local[:, : -2 * n]
    down[n:-n] = local[2 * n :] - local[: -2 * n]
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    cosine = (normal * rays).sum(-1) / np.linalg.norm(rays, axis=-1)
    normal = -normal * np.sign(cosine)[..., None]
    kernel = np.ones((2 * n + 1, 2 * n + 1), np.uint8)
    low, high = cv2.erode(depth, kernel), cv2.dilate(depth, kernel)
    smooth = (low > 0) & (high - low < 0.02 + 0.06 * depth) & (np.abs(cosine) > STEEPEST)
    smooth[:n] = smooth[-n:] = smooth[:, :n] = smooth[:, -n:] = False
    return np.where(smooth[..., None], normal, 0).astype(np.float32)


def _drawn(mask: Bool[np.ndarray, "height width"], count: int, generator: np.random.Generator) -> tuple:
    """(rows, columns) of at most `count` pixels of the mask."""
    rows, columns = np.nonzero(mask)
    if len(rows) > count:
        chosen = generator.choice(len(rows), count, replace=False)
        rows, columns = rows[chosen], columns[chosen]
    return rows, columns
