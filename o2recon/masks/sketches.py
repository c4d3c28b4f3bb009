"""Hand-drawn masks of hidden parts: lifted through completed depth and carried to every view with a z-test."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, pixel_centers, project, unproject
from o2recon.masks.crop import Crop, crop_camera, focal_length
from o2recon.masks.hidden import covered
from o2recon.masks.labels import PixelLabels, dilate, disc, erode, largest_within
from o2recon.masks.membrane import harmonic_depth
from o2recon.types import Camera


@dataclass(frozen=True)
class LiftedSketch:
    """A sketch as world points, and the distance between neighbouring ones (metres)."""

    points: Float[np.ndarray, "points 3"]
    spacing: Float[np.ndarray, "points"]


def lift(
    sketch: Bool[np.ndarray, "height width"],
    object_depth: Float[np.ndarray, "height width"],
    surface_depth: Float[np.ndarray, "height width"],
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    *,
    slack_px: int,
) -> LiftedSketch:
    """World points of the sketched pixels.

    Their depth is that of the completed surface where it is hit (`surface_depth`, 0 = miss), elsewhere a smooth metric
    completion of it and of the object's measured depth (`object_depth`, 0 = none). Nothing to complete from: no points.
    Hands are not exact: where the surface is not hit, the sketch is trimmed (see `trimmed`), and what only frames the
    hit part in a line up to 2 `slack_px` wide does not count.
    """
    known = np.where(object_depth > 0, object_depth, np.where(sketch, surface_depth, 0))
    hit = sketch & (known > 0)
    wide = dilate(erode(sketch & ~hit, slack_px), slack_px)
    beyond = trimmed(sketch | (object_depth > 0), slack_px=slack_px) & (wide | ~dilate(hit, 2 * slack_px))
    sketch = sketch & (hit | beyond)
    depth = harmonic_depth(known, known > 0, sketch & (known <= 0))
    use = sketch & (depth > 0)
    points = unproject(camera, camera_to_world, pixel_centers(camera)[use], depth[use].astype(float))
    return LiftedSketch(points, depth[use] / focal_length(camera))


def trimmed(mask: Bool[np.ndarray, "height width"], *, slack_px: int) -> Bool[np.ndarray, "height width"]:
    """The mask without its outer rim: `slack_px` wide, but at most half of what a thin stroke has on each side."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
    half_width = largest_within(depth, 2 * slack_px)
    return mask & (depth > np.minimum(slack_px, 0.5 * half_width))


def carry(
    lifted: LiftedSketch,
    labels: PixelLabels,
    margin: Float[np.ndarray, "height width"],
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    crop: Crop,
) -> Bool[np.ndarray, "height width"]:
    """Where the lifted sketch is covered in another view; all masks are of the window `crop`.

    Points are splatted with the nearest depth winning, gaps closed up to the projected spacing of the points, then
    kept where they lie behind another surface or where nothing was measured.
    """
    local = crop_camera(camera, crop)
    depth = splat_depth(lifted, local, camera_to_world)
    return covered(labels, depth, margin) & ~labels.visible


def splat_depth(
    lifted: LiftedSketch, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "height width"]:
    """Dense z-depth (metres, 0 = none) of lifted points, nearest wins."""
    pixels, z = project(camera, camera_to_world, lifted.points)
    inside = inside_image(camera, pixels, z)
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    if not inside.any():
        return np.zeros_like(depth)
    column, row = np.floor(pixels[inside]).astype(int).T
    np.minimum.at(depth, (row, column), z[inside].astype(np.float32))
    radius = int(np.ceil(np.percentile(lifted.spacing[inside] * focal_length(camera) / z[inside], 90)))
    hit = np.isfinite(depth)
    closed = cv2.morphologyEx(np.pad(hit.astype(np.uint8), radius), cv2.MORPH_CLOSE, disc(radius))[
        radius:-radius, radius:-radius
    ]
    nearest = cv2.erode(np.where(hit, depth, 1e6).astype(np.float32), disc(radius))
    return np.where(hit, depth, np.where((closed > 0) & (nearest < 1e6), nearest, 0)).astype(np.float32)
