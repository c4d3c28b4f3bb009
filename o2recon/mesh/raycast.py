"""Rays against a triangle mesh with Embree: what a camera would see of it, without any graphics driver."""

import numpy as np
import trimesh
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from jaxtyping import Bool, Float, Int

from o2recon.cameras import pixel_centers, project, unnormalized_rays
from o2recon.types import Camera

_PROBES = np.array([[0.8017, 0.2673, 0.5345], [-0.3841, 0.7682, 0.5121], [0.2182, -0.4364, -0.8729]])
"""Skew directions: the axes would run along the faces of furniture."""


class Caster:
    """First hits of rays with one mesh. Works around the mesh's own centre: Embree computes in single precision."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        self._empty = len(mesh.faces) == 0
        self._center = np.zeros(3) if self._empty else mesh.bounds.mean(0)
        self._corners = trimesh.bounds.corners(np.zeros((2, 3)) if self._empty else mesh.bounds)
        self._step = 0.0 if self._empty else 2e-6 * float(mesh.scale)
        corners = np.asarray(mesh.triangles, float).reshape(-1, 3, 3)
        self._normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self._scene = rtcore_scene.EmbreeScene(robust=True)
        if not self._empty:
            vertices = np.ascontiguousarray(mesh.vertices - self._center, dtype=np.float32)
            TriangleMesh(self._scene, vertices, np.ascontiguousarray(mesh.faces, dtype=np.int32))

    def first_hit(
        self, origins: Float[np.ndarray, "rays 3"], directions: Float[np.ndarray, "rays 3"]
    ) -> tuple[Float[np.ndarray, "rays"], Int[np.ndarray, "rays"]]:
        """Distance in lengths of `directions` (inf where nothing is hit) and the face's index (-1)."""
        count = len(origins)
        if self._empty or count == 0:
            return np.full(count, np.inf, np.float32), np.full(count, -1, np.int32)
        hit = self._scene.run(
            np.ascontiguousarray(origins - self._center, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            output=1,
        )
        face = hit["primID"].astype(np.int32)
        return np.where(face >= 0, hit["tfar"], np.inf).astype(np.float32), face

    def depth_image(
        self, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]
    ) -> tuple[Float[np.ndarray, "height width"], Int[np.ndarray, "height width"]]:
        """z-depth in metres (inf where nothing is hit) and face index (-1) of every pixel."""
        depth = np.full((camera.height, camera.width), np.inf, np.float32)
        face = np.full((camera.height, camera.width), -1, np.int32)
        window = self._window(camera, camera_to_world)
        pixels = pixel_centers(camera)[window]
        directions = unnormalized_rays(camera, pixels).reshape(-1, 3) @ camera_to_world[:3, :3].T
        origins = np.broadcast_to(camera_to_world[:3, 3], directions.shape)
        found, index = self.first_hit(origins, directions)
        depth[window], face[window] = found.reshape(pixels.shape[:2]), index.reshape(pixels.shape[:2])
        return depth, face

    def _window(self, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> tuple[slice, slice]:
        """The part of the image (rows, columns) that can show the mesh: all of it when its box reaches behind."""
        pixels, z = project(camera, camera_to_world, self._corners)
        if self._empty or (z < 1e-3).any():
            return slice(None), slice(None)
        low = np.floor(pixels.min(0)).astype(int).clip(0, [camera.width, camera.height])
        high = (np.ceil(pixels.max(0)).astype(int) + 1).clip(0, [camera.width, camera.height])
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def contains(self, points: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, "points"]:
        """True for points inside a closed mesh: at least one outward-oriented body holds them.

        Bodies may overlap (furniture models often do): their union counts, since signed crossings are summed rather
        than their parity taken. A ray may graze an edge, so where two skew rays disagree a third one decides.
        """
        inside = self._winding(points, _PROBES[0]) > 0
        second = self._winding(points, _PROBES[1]) > 0
        unsure = inside != second
        inside[unsure] = self._winding(points[unsure], _PROBES[2]) > 0
        return inside

    def _winding(self, points: Float[np.ndarray, "points 3"], direction: Float[np.ndarray, "3"]) -> np.ndarray:
        """Faces left minus faces entered on the way out along `direction`."""
        direction = direction / np.linalg.norm(direction)
        leaving = np.sign(self._normals @ direction).astype(np.int64)
        winding = np.zeros(len(points), np.int64)
        position = np.array(points, dtype=np.float64)
        last = np.full(len(points), -1)
        live = np.arange(len(points))
        for _ in range(1000):
            distance, face = self.first_hit(position[live], np.broadcast_to(direction, (len(live), 3)))
            hit = face >= 0
            live, distance, face = live[hit], distance[hit], face[hit]
            if len(live) == 0:
                break
            winding[live] += np.where(face != last[live], leaving[face], 0)
            last[live] = face
            position[live] += (distance[:, None].astype(np.float64) + self._step) * direction
        return winding
