"""Ray casting of a furnished room: exact depth, normals and ids, Lambert shading with soft shadows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int
from trimesh.ray.ray_pyembree import RayMeshIntersector

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.synth.texture import Texture
from o2recon.types import Camera

TILE = 4
"""Light samples are interleaved over tiles of TILE x TILE pixels and averaged over them again."""
OCCLUSION_RADIUS = 0.5
"""Ambient light is dimmed by surfaces nearer than this (metres)."""
SUBPIXELS = np.array([[-0.375, 0.125], [0.125, 0.375], [0.375, -0.125], [-0.125, -0.375]])


@dataclass(frozen=True)
class Surface:
    """A textured mesh in the world. Its texture reads points in the frame that `world_to_local` leads to."""

    mesh: trimesh.Trimesh
    texture: Texture
    world_to_local: Float[np.ndarray, "4 4"]
    instance: int
    label: int
    casts_shadow: bool


@dataclass(frozen=True)
class Light:
    """A square lamp, seen from below. `power`: what a facing surface one metre away receives."""

    center: tuple[float, float, float]
    size: float
    power: float


@dataclass(frozen=True)
class Rendered:
    """One perfect view. `color` in [0, 1], for display; `depth` is z in metres; `normal` in the world, towards the
    camera; `incidence_cosine`: |cos| between view ray and normal."""

    color: Float[np.ndarray, "height width 3"]
    depth: Float[np.ndarray, "height width"]
    normal: Float[np.ndarray, "height width 3"]
    incidence_cosine: Float[np.ndarray, "height width"]
    instance: Int[np.ndarray, "height width"]
    label: Int[np.ndarray, "height width"]


@dataclass(frozen=True)
class _Hits:
    """Where rays meet the room; `z` in units of the given directions."""

    face: Int[np.ndarray, "points"]
    z: Float[np.ndarray, "points"]
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]


def joined(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Meshes side by side in one, faces in order."""
    mesh = trimesh.util.concatenate(meshes)
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


class Room:
    """Surfaces to cast rays at. The shell of the room must be closed and convex, so that every ray hits something."""

    def __init__(self, *, surfaces: Sequence[Surface], lights: Sequence[Light], ambient: float) -> None:
        self.surfaces = tuple(surfaces)
        self.lights = tuple(lights)
        self.ambient = ambient
        mesh = joined([s.mesh for s in surfaces])
        self._triangle = mesh.triangles[:, 0].copy()
        self._normal = mesh.face_normals.copy()
        self._bounds = mesh.bounds.copy()
        self._surface = np.repeat(np.arange(len(surfaces)), [len(s.mesh.faces) for s in surfaces])
        self._rays = RayMeshIntersector(mesh)
        shading = [s.mesh for s in surfaces if s.casts_shadow]
        self._shadow_rays = RayMeshIntersector(joined(shading)) if shading else None
        self._instance = np.array([s.instance for s in surfaces])
        self._label = np.array([s.label for s in surfaces])

    def render(self, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"], rng: np.random.Generator) -> Rendered:
        """One view; `rng` moves the light samples."""
        shape = (camera.height, camera.width)
        pixels = pixel_centers(camera)
        hits, directions = self._cast(camera, camera_to_world, pixels.reshape(-1, 2))
        visibility = self._smoothed(self._visibility(hits, _interleaved(shape, rng), rng), hits, shape)
        color = self._shade(hits, visibility).reshape(*shape, 3)
        edge = self._edges(hits, shape)
        color[edge] = self._resampled(camera, camera_to_world, pixels[edge], rng)
        cosine = np.abs(_dot(hits.normals, directions)) / np.linalg.norm(directions, axis=1)
        surface = self._surface[hits.face]
        return Rendered(
            color=np.clip(color, 0, 1) ** (1 / 2.2),
            depth=hits.z.reshape(shape),
            normal=hits.normals.reshape(*shape, 3),
            incidence_cosine=cosine.reshape(shape),
            instance=self._instance[surface].reshape(shape),
            label=self._label[surface].reshape(shape),
        )

    def first_hit_share(
        self, position: Float[np.ndarray, "3"], points: Float[np.ndarray, "points 3"]
    ) -> Float[np.ndarray, "points"]:
        """Where on the way from a position to each point the first surface is: 1 = at the point."""
        return self._first_hits(np.broadcast_to(position, points.shape), points - position).z

    def albedo_at(
        self, points: Float[np.ndarray, "points 3"], normals: Float[np.ndarray, "points 3"]
    ) -> Float[np.ndarray, "points 3"]:
        """Display colour, without light, of surface points; seen from just outside along their normals."""
        low, high = self._bounds
        hits = self._first_hits(np.clip(points + 3e-3 * normals, low + 1e-4, high - 1e-4), -normals)
        return self.albedo(hits.face, points, normals)

    def _cast(
        self, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"], pixels: Float[np.ndarray, "points 2"]
    ) -> tuple[_Hits, Float[np.ndarray, "points 3"]]:
        directions = unnormalized_rays(camera, pixels) @ camera_to_world[:3, :3].T
        origins = np.broadcast_to(camera_to_world[:3, 3], directions.shape)
        return self._first_hits(origins, directions), directions

    def _first_hits(self, origins: Float[np.ndarray, "points 3"], directions: Float[np.ndarray, "points 3"]) -> _Hits:
        """Where each ray meets the room first. Rays that slip through a seam of two triangles look beside it."""
        face = self._rays.intersects_first(origins, directions)
        for shift in (1e-5, -1e-5, 1e-4, -1e-4):
            lost = np.flatnonzero(face < 0)
            if not len(lost):
                break
            face[lost] = self._rays.intersects_first(origins[lost], directions[lost] + shift)
        assert (face >= 0).all(), "a ray left the room: its shell is not closed"
        z = self._distance(face, origins, directions)
        normals = self._normal[face]
        towards = np.where(_dot(normals, directions) > 0, -1.0, 1.0)
        return _Hits(face, z, origins + z[:, None] * directions, normals * towards[:, None])

    def _distance(
        self,
        face: Int[np.ndarray, "points"],
        origins: Float[np.ndarray, "points 3"],
        directions: Float[np.ndarray, "points 3"],
    ) -> Float[np.ndarray, "points"]:
        """Where rays cross the planes of triangles, in float64; Embree only says which triangle."""
        normals = self._normal[face]
        along = _dot(normals, directions)
        return _dot(self._triangle[face] - origins, normals) / np.where(np.abs(along) < 1e-12, 1e-12, along)

    def _visibility(
        self, hits: _Hits, samples: Float[np.ndarray, "points 2"], rng: np.random.Generator
    ) -> Float[np.ndarray, "points lights"]:
        """One sample per point: does each light reach it; last column: does ambient light. `samples` in [0, 1)^2."""
        origins = hits.points + 2e-3 * hits.normals
        columns = []
        for light in self.lights:
            targets = np.array(light.center) + light.size * np.pad(samples - 0.5, ((0, 0), (0, 1)))
            blocked = np.zeros(len(origins), bool)
            if self._shadow_rays is not None:
                blocked = self._shadow_rays.intersects_first(origins, targets - origins) >= 0
            columns.append(~blocked)
        directions = _hemisphere(hits.normals, samples[:, ::-1])
        face = self._rays.intersects_first(origins, directions)
        columns.append((face < 0) | (self._distance(face, origins, directions) > OCCLUSION_RADIUS))
        return np.stack(columns, 1).astype(np.float32)

    def _shade(self, hits: _Hits, visibility: Float[np.ndarray, "points lights"]) -> Float[np.ndarray, "points 3"]:
        """Linear radiance."""
        light_sum = self.ambient * (0.45 + 0.55 * visibility[:, -1])
        for i, light in enumerate(self.lights):
            to_light = np.array(light.center) - hits.points
            square = _dot(to_light, to_light)
            facing = np.maximum(_dot(hits.normals, to_light), 0) / np.sqrt(square)
            light_sum = light_sum + light.power * facing / (0.5 + square) * visibility[:, i]
        return self.albedo(hits.face, hits.points, hits.normals) ** 2.2 * light_sum[:, None]

    def albedo(
        self,
        faces: Int[np.ndarray, "points"],
        points: Float[np.ndarray, "points 3"],
        normals: Float[np.ndarray, "points 3"],
    ) -> Float[np.ndarray, "points 3"]:
        """Display colour of the surface, without light, at points on faces of the concatenated surfaces."""
        color = np.empty((len(points), 3), np.float32)
        surface = self._surface[faces]
        order = np.argsort(surface, kind="stable")
        found, starts = np.unique(surface[order], return_index=True)
        for index, part in zip(found, np.split(order, starts[1:]), strict=True):
            transform = self.surfaces[index].world_to_local
            local = points[part] @ transform[:3, :3].T + transform[:3, 3]
            color[part] = self.surfaces[index].texture(local, normals[part] @ transform[:3, :3].T)
        return color

    def _smoothed(
        self, visibility: Float[np.ndarray, "points lights"], hits: _Hits, shape: tuple[int, int]
    ) -> Float[np.ndarray, "points lights"]:
        """Mean over one tile around each pixel, over the same plane only."""
        values = visibility.reshape(*shape, -1)
        normals = hits.normals.reshape(*shape, 3).astype(np.float32)
        points = hits.points.reshape(*shape, 3).astype(np.float32)
        offset = _dot(normals, points)
        total, weight = np.zeros_like(values), np.zeros(shape, np.float32)
        for dy in range(-TILE // 2, TILE // 2):
            for dx in range(-TILE // 2, TILE // 2):
                rolled = (-dy, -dx)
                same = _dot(normals, np.roll(normals, rolled, (0, 1))) > 0.9
                near = np.abs(_dot(normals, np.roll(points, rolled, (0, 1))) - offset) < 0.02
                share = (same & near).astype(np.float32)
                total += share[..., None] * np.roll(values, rolled, (0, 1))
                weight += share
        return (total / weight[..., None]).reshape(-1, values.shape[2])

    def _edges(self, hits: _Hits, shape: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
        """Pixels beside another surface or another direction of the same one."""
        surface = self._surface[hits.face].reshape(shape)
        normals = hits.normals.reshape(*shape, 3)
        edge = np.zeros(shape, bool)
        for axis in (0, 1):
            here, there = [slice(None)] * 2, [slice(None)] * 2
            here[axis], there[axis] = slice(None, -1), slice(1, None)
            a, b = tuple(here), tuple(there)
            differs = (surface[a] != surface[b]) | (_dot(normals[a], normals[b]) < 0.9)
            edge[a] |= differs
            edge[b] |= differs
        return edge

    def _resampled(
        self,
        camera: Camera,
        camera_to_world: Float[np.ndarray, "4 4"],
        pixels: Float[np.ndarray, "points 2"],
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "points 3"]:
        """Mean colour of four places within each pixel."""
        many = (pixels[:, None] + SUBPIXELS).reshape(-1, 2)
        hits, _ = self._cast(camera, camera_to_world, many)
        visibility = self._visibility(hits, rng.random((len(many), 2)), rng)
        return np.clip(self._shade(hits, visibility), 0, 1).reshape(-1, len(SUBPIXELS), 3).mean(1)


def _interleaved(shape: tuple[int, int], rng: np.random.Generator) -> Float[np.ndarray, "points 2"]:
    """A stratified sample of the unit square for every pixel; each tile of pixels covers all strata."""
    strata = np.stack(np.meshgrid(np.arange(TILE), np.arange(TILE), indexing="ij"), -1).reshape(-1, 2)
    tile = strata[rng.permutation(TILE * TILE)].reshape(TILE, TILE, 2)
    repeats = (-(-shape[0] // TILE), -(-shape[1] // TILE), 1)
    tiled = np.tile(tile, repeats)[: shape[0], : shape[1]].reshape(-1, 2)
    return (tiled + rng.random(tiled.shape)) / TILE


def _hemisphere(
    normals: Float[np.ndarray, "points 3"], samples: Float[np.ndarray, "points 2"]
) -> Float[np.ndarray, "points 3"]:
    """Unit directions around normals, denser towards them (cosine)."""
    angle, z = 2 * np.pi * samples[:, 0], 2 * samples[:, 1] - 1
    ring = np.sqrt(np.maximum(1 - z**2, 0))
    direction = 0.999 * np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1) + normals
    return direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _dot(first: Float[np.ndarray, "*shape 3"], second: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape"]:
    return np.einsum("...i,...i->...", first, second)
