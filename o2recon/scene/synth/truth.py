"""What is exactly known about a rendered room: whole silhouettes, which surface some view saw, what is hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float
from trimesh.ray.ray_pyembree import RayMeshIntersector

from o2recon.cameras import inside_image, pixel_centers, project, unnormalized_rays
from o2recon.scene.synth.render import Room
from o2recon.types import Camera

SEEN_TOLERANCE = 0.01
"""Metres between a seen point and the noise-free depth."""
NEARLY = 0.08
"""Metres between point and pixel depth up to which a ray decides."""
MIN_SHARE = 0.01
"""Share of the image that a whole silhouette must cover for its view to count."""
SKETCHES = 2
SKETCH_DISTANCE = 6
"""Frames between two sketched views at least."""


@dataclass(frozen=True)
class TruthPoints:
    """Area-weighted samples of a closed mesh, world metres. `seen`: some view saw the point."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    seen: Bool[np.ndarray, "points"]


class Silhouette:
    """Casts rays at one object alone."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        self._corners = trimesh.bounds.corners(mesh.bounds)
        self._rays = RayMeshIntersector(mesh)

    def mask(self, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> Bool[np.ndarray, "height width"]:
        """Pixels whose centre the object would cover if nothing stood in front."""
        mask = np.zeros((camera.height, camera.width), bool)
        pixels, z = project(camera, camera_to_world, self._corners)
        low, high = np.zeros(2, int), np.array([camera.width, camera.height])
        if (z > 0.05).all():
            low = np.clip(np.floor(pixels.min(0)).astype(int), low, high)
            high = np.clip(np.ceil(pixels.max(0)).astype(int), low, high)
        if (high <= low).any() or (z <= 0).all():
            return mask
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        rays = unnormalized_rays(camera, pixel_centers(camera)[window].reshape(-1, 2)) @ camera_to_world[:3, :3].T
        hit = self._rays.intersects_first(np.broadcast_to(camera_to_world[:3, 3], rays.shape), rays) >= 0
        mask[window] = hit.reshape(high[1] - low[1], high[0] - low[0])
        return mask


def seen_by_any(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    camera: Camera,
    poses: Float[np.ndarray, "views 4 4"],
    depths: Sequence[Float[np.ndarray, "height width"]],
    room: Room,
) -> Bool[np.ndarray, "points"]:
    """True where some view has the point in its image, facing it and within a centimetre of the noise-free depth.

    That depth is read at the nearest pixel's centre; where this nearly fits, as on surfaces seen at a slant, a ray to
    the point itself decides.
    """
    seen = np.zeros(len(points), bool)
    for pose, depth in zip(poses, depths, strict=True):
        rest = np.flatnonzero(~seen)
        facing = ((pose[:3, 3] - points[rest]) * normals[rest]).sum(1) > 0
        rest = rest[facing]
        pixels, z = project(camera, pose, points[rest])
        inside = inside_image(camera, pixels, z)
        rest, z = rest[inside], z[inside]
        column, row = pixels[inside].astype(int).T
        error = np.abs(depth[row, column] - z)
        near = (error >= SEEN_TOLERANCE) & (error < NEARLY)
        if near.any():
            error[near] = np.abs(room.first_hit_share(pose[:3, 3], points[rest[near]]) - 1) * z[near]
        seen[rest] = error < SEEN_TOLERANCE
    return seen


def truth_points(
    mesh: trimesh.Trimesh,
    camera: Camera,
    poses: Float[np.ndarray, "views 4 4"],
    depths: Sequence[Float[np.ndarray, "height width"]],
    room: Room,
    *,
    count: int,
    seed: int,
) -> TruthPoints:
    """Samples of a closed mesh with their normals, and which of them some view saw."""
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    points, normals = np.asarray(points), np.asarray(mesh.face_normals[faces])
    return TruthPoints(points, normals, seen_by_any(points, normals, camera, poses, depths, room))


def hidden_shares(visible: Sequence[int], whole: Sequence[int], num_pixels: int) -> Float[np.ndarray, "views"]:
    """1 - visible / whole silhouette, in pixels, in every view where the whole covers at least 1 % of the image."""
    seen, amodal = np.asarray(visible, float), np.asarray(whole, float)
    counts = amodal >= MIN_SHARE * num_pixels
    return 1 - seen[counts] / amodal[counts]


def sketched_views(hidden_areas: Sequence[int]) -> list[int]:
    """The two views, some frames apart, where most is hidden; fewer when nothing is."""
    chosen: list[int] = []
    for view in np.argsort(-np.asarray(hidden_areas), kind="stable"):
        apart = all(abs(int(view) - other) >= SKETCH_DISTANCE for other in chosen)
        if apart and hidden_areas[view] > 0 and len(chosen) < SKETCHES:
            chosen.append(int(view))
    return sorted(chosen)


def sketch(hidden: Bool[np.ndarray, "height width"], rng: np.random.Generator) -> Bool[np.ndarray, "height width"]:
    """A hidden area as a hand would paint it: widened, its outline wavering."""
    height, width = hidden.shape
    scale = width / 640
    size = 2 * max(round(4 * scale), 1) + 1
    wide = cv2.dilate(hidden.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    waver = [cv2.GaussianBlur(rng.standard_normal(hidden.shape, np.float32), (0, 0), 20 * scale) for _ in range(2)]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    dx, dy = (4 * scale * w / max(float(w.std()), 1e-9) for w in waver)
    warped = cv2.remap(wide.astype(np.float32), columns + dx, rows + dy, cv2.INTER_LINEAR)
    return cv2.GaussianBlur(warped, (0, 0), max(2 * scale, 0.5)) > 0.5
