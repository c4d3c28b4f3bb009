"""Pictures of meshes by ray casting, for reports and for looking at results: no window system, no graphics driver."""

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Shaped, UInt8

from o2recon.mesh.raycast import Caster
from o2recon.types import Camera

_CLAY = np.array([0.80, 0.77, 0.72])
_FIELD_OF_VIEW = np.radians(32.0)


def orbit(
    mesh: trimesh.Trimesh, *, width: int, height: int, azimuth: float | int, elevation: float | int
) -> tuple[Camera, Float[np.ndarray, "4 4"]]:
    """A camera around the mesh that has all of it in the picture, world +z up.

    `azimuth`, `elevation` in degrees: (0, 0) looks along +y, from the front; elevation 90 looks straight down.
    """
    focal = 0.5 * min(width, height) / np.tan(_FIELD_OF_VIEW / 2)
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    a, e = np.radians(azimuth), np.radians(np.clip(elevation, -89.9, 89.9))
    forward = np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), -np.sin(e)])
    right = np.array([np.cos(a), -np.sin(a), 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward], 1)
    center = mesh.bounds.mean(0)
    local = (mesh.vertices - center) @ rotation
    spread = np.abs(local[:, :2]) * focal / (0.5 * np.array([width, height]) * 0.94)
    distance = float(np.max(spread.max(1) - local[:, 2]))
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = rotation
    camera_to_world[:3, 3] = center - max(distance, 1e-3) * forward
    return Camera(intrinsics, width, height), camera_to_world


def render_mesh(
    mesh: trimesh.Trimesh,
    *,
    width: int,
    height: int,
    azimuth: float | int,
    elevation: float | int,
    colors: Shaped[np.ndarray, "vertices 3"] | None = None,
    smooth: bool = False,
) -> UInt8[np.ndarray, "height width 3"]:
    """A shaded picture of the whole mesh on white.

    `colors`: RGB per vertex, uint8 or float in [0, 1]; grey clay without. `smooth`: vertex instead of face normals.
    `azimuth`, `elevation` as in `orbit`. An empty mesh gives a white picture. Back faces (holes) come out dark red.
    """
    if len(mesh.faces) == 0:
        return np.full((height, width, 3), 255, np.uint8)
    camera, camera_to_world = orbit(mesh, width=2 * width, height=2 * height, azimuth=azimuth, elevation=elevation)
    picture = render_looks(mesh, camera, camera_to_world, [colors], smooth=smooth)[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def render_view(
    mesh: trimesh.Trimesh,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    *,
    colors: Shaped[np.ndarray, "vertices 3"] | None = None,
    smooth: bool = False,
) -> UInt8[np.ndarray, "height width 3"]:
    """What a given camera sees of the mesh alone, shaded by a lamp beside the camera, on white."""
    return render_looks(mesh, camera, camera_to_world, [colors], smooth=smooth)[0]


def render_looks(
    mesh: trimesh.Trimesh,
    camera: Camera,
    camera_to_world: Float[np.ndarray, "4 4"],
    looks: Sequence[Shaped[np.ndarray, "vertices 3"] | None],
    *,
    smooth: bool = False,
    caster: Caster | None = None,
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """One picture per colouring of the same view: the rays are cast once. `caster`: that of `mesh`, to use it again."""
    depth, face = (caster or Caster(mesh)).depth_image(camera, camera_to_world)
    hit = face >= 0
    pixels = np.stack(np.nonzero(hit)[::-1], -1) + 0.5
    k = camera.intrinsics
    rays = np.concatenate([(pixels - k[:2, 2]) / k[[0, 1], [0, 1]], np.ones((len(pixels), 1))], 1)
    rays = rays @ camera_to_world[:3, :3].T
    points = camera_to_world[:3, 3] + rays * depth[hit][:, None]
    triangles = mesh.faces[face[hit]]
    weights = _barycentric(mesh.vertices[triangles], points)
    normals = mesh.face_normals[face[hit]]
    if smooth:
        normals = np.einsum("nc,ncd->nd", weights, mesh.vertex_normals[triangles])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    pictures = []
    for colors in looks:
        base = np.broadcast_to(_CLAY, normals.shape)
        if colors is not None:
            scale = 255.0 if colors.dtype == np.uint8 else 1.0
            base = np.einsum("nc,ncd->nd", weights, colors[triangles].astype(float) / scale)
        picture = np.full((camera.height, camera.width, 3), 255, np.uint8)
        shaded = _shade(base, normals, rays, camera_to_world)
        picture[hit] = (np.clip(shaded, 0, 1) * 255 + 0.5).astype(np.uint8)
        pictures.append(picture)
    return pictures


def render_views(
    mesh: trimesh.Trimesh,
    *,
    azimuths: Sequence[float | int],
    elevation: float | int,
    size: int,
    colors: Shaped[np.ndarray, "vertices 3"] | None = None,
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Square pictures from around the mesh, one per azimuth (degrees)."""
    return [render_mesh(mesh, width=size, height=size, azimuth=a, elevation=elevation, colors=colors) for a in azimuths]


def contact_sheet(
    rows: Sequence[Sequence[UInt8[np.ndarray, "_h _w 3"]]], *, labels: Sequence[str] | None = None, gap: int = 6
) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures in rows on one white sheet, an optional label at the top left of each row. Sizes may differ."""
    cells = [[np.asarray(image) for image in row] for row in rows]
    columns = max(len(row) for row in cells)
    tall = [max(image.shape[0] for image in row) for row in cells]
    wide = [max((row[c].shape[1] for row in cells if c < len(row)), default=0) for c in range(columns)]
    sheet = np.full((sum(tall) + gap * (len(cells) + 1), sum(wide) + gap * (columns + 1), 3), 255, np.uint8)
    y = gap
    for r, row in enumerate(cells):
        x = gap
        for c, image in enumerate(row):
            sheet[y : y + image.shape[0], x : x + image.shape[1]] = image
            x += wide[c] + gap
        if labels is not None:
            cv2.putText(
                sheet, labels[r], (gap + 4, y + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA
            )
        y += tall[r] + gap
    return sheet


def colormap(
    values: Float[np.ndarray, "vertices"], *, low: float | int, high: float | int
) -> UInt8[np.ndarray, "vertices 3"]:
    """RGB of scalars (error, confidence): dark blue at `low`, yellow at `high` (viridis), grey where not finite."""
    share = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    index = (share * 255 + 0.5).astype(np.uint8)[:, None]
    rgb = cv2.applyColorMap(index, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1].copy()
    rgb[~np.isfinite(values)] = 150
    return rgb


def _barycentric(
    corners: Float[np.ndarray, "points 3 3"], points: Float[np.ndarray, "points 3"]
) -> Float[np.ndarray, "points 3"]:
    weights = trimesh.triangles.points_to_barycentric(np.asarray(corners), points)
    weights = np.clip(np.nan_to_num(weights, nan=1 / 3), 0, 1)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)


def _shade(base: np.ndarray, normals: np.ndarray, rays: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
    """Lambert with a lamp up and left of the camera plus sky light; back faces dark red."""
    axes = camera_to_world[:3, :3]
    lamp = -axes[:, 2] - 0.5 * axes[:, 0] - 0.6 * axes[:, 1]
    lamp = lamp / np.linalg.norm(lamp)
    back = np.einsum("nd,nd->n", normals, rays) > 0
    facing = np.where(back[:, None], -normals, normals)
    light = 0.30 + 0.60 * np.clip(facing @ lamp, 0, 1) + 0.12 * (0.5 + 0.5 * facing[:, 2])
    return np.where(back[:, None], np.array([0.45, 0.12, 0.10]), base) * light[:, None]
