"""A prepared object folder of a sphere whose every pixel is known in closed form, for the tests of data/ and train/."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.transforms import grid_over, object_to_world, voxel_centers
from o2recon.types import Camera, ObjectFrame, ObjectRecord, ObjectView, ViewRecord, Volume
from o2recon.workspace import ObjectFolder, write_image

OCCLUDER_DISTANCE = 1.0
"""z of a plate that covers the image's left part, metres."""


@dataclass(frozen=True)
class SphereScene:
    """A sphere of `radius` metres at the box's centre, seen from a ring of cameras, partly behind a plate."""

    radius: float
    frame: ObjectFrame
    views: tuple[ObjectView, ...]

    def sdf(self, points: np.ndarray) -> np.ndarray:
        """Closed form, world points, metres."""
        return np.linalg.norm(points - self.frame.center, axis=-1) - self.radius

    def volume(self, spacing: float) -> Volume:
        grid = grid_over(self.frame, spacing)
        sdf = self.sdf(voxel_centers(grid)).astype(np.float32)
        return Volume(grid, sdf < 0.02, sdf, np.ones_like(sdf))

    def write(self, path: Path, *, spacing: float = 0.02) -> ObjectFolder:
        """The prepared files of the object."""
        folder = ObjectFolder(path)
        records = []
        for n, view in enumerate(self.views):
            records.append(ViewRecord(view.index, view.camera, view.camera_to_world, 1.0, n % 8 == 7))
            for kind in ("visible", "hidden", "possible", "unknown"):
                write_image(folder.image(f"masks/{kind}", view.index), getattr(view, kind))
            write_image(folder.image("inpainted/image", view.index), view.color)
            write_image(folder.image("masks/claim", view.index), (view.claim * 255).astype(np.uint8))
            write_image(folder.image("inpainted/confidence", view.index), (view.confidence * 255).astype(np.uint8))
            folder.write_depth("depth", view.index, view.depth)
            folder.write_depth("inpainted/depth", view.index, view.object_depth)
            folder.write_normal("cues/normal", view.index, view.normal)
        folder.write_record(ObjectRecord("test", 1, "ball", self.frame, tuple(records), None))
        folder.write_volume(self.volume(spacing))
        return folder


def sphere_scene(
    *, num_views: int = 8, size: int = 48, scale: float = 1.0, turn: float = 0.0, shift: tuple[float, ...] = (0, 0, 0)
) -> SphereScene:
    """`scale`, `turn` (radians about z) and `shift` move the whole world; lengths (plate, cameras) scale with it."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    radius, half = 0.3 * scale, np.array([0.4, 0.36, 0.38]) * scale
    frame = ObjectFrame(np.asarray(shift, float), rotation, half)
    camera = Camera(np.array([[1.6 * size, 0, size / 2], [0, 1.6 * size, size / 2], [0, 0, 1.0]]), size, size)
    views = [_view(n, num_views, camera, frame, radius, scale) for n in range(num_views)]
    return SphereScene(radius, frame, tuple(views))


def _view(n: int, num_views: int, camera: Camera, frame: ObjectFrame, radius: float, scale: float) -> ObjectView:
    angle = 2 * np.pi * n / num_views
    height = 0.9 * (-1) ** n
    eye = np.array([1.5 * np.cos(angle), 1.5 * np.sin(angle), height]) * scale
    forward = -eye / np.linalg.norm(eye)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = frame.rotation @ np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = object_to_world(frame, eye / frame.scale)
    rays = unnormalized_rays(camera, pixel_centers(camera))
    center = (frame.center - pose[:3, 3]) @ pose[:3, :3]
    a, b = (rays**2).sum(-1), rays @ center
    root = b**2 - a * (center @ center - radius**2)
    hit = root > 0
    z = np.where(hit, (b - np.sqrt(np.maximum(root, 0))) / a, 0)
    normal = np.where(hit[..., None], (rays * z[..., None] - center) / radius, 0)
    columns = np.arange(camera.width)[None]
    plate = np.broadcast_to(columns < camera.width * 2 // 5, hit.shape)
    unknown = np.broadcast_to(columns >= camera.width - 4, hit.shape) & ~hit
    depth = np.where(plate, OCCLUDER_DISTANCE * scale, np.where(hit, z, 4.0 * scale))
    hidden, visible = plate & hit, hit & ~plate
    return ObjectView(
        index=10 * n,
        camera=camera,
        camera_to_world=pose,
        color=np.where(hit[..., None], np.uint8([200, 80, 40]), np.uint8([30, 30, 30])).astype(np.uint8),
        depth=np.where(unknown, 0, depth).astype(np.float32),
        visible=visible,
        hidden=hidden,
        possible=np.zeros_like(hit),
        unknown=unknown,
        object_depth=z.astype(np.float32),
        normal=normal.astype(np.float32),
        claim=np.where(hidden, 0.9, 0.0).astype(np.float32),
        confidence=np.where(visible, 1.0, np.where(hidden, 0.8, 0.0)).astype(np.float32),
    )


def ray_options(**changes: float) -> dict:
    """Arguments of RayBuilder."""
    options = {
        "sigma_floor": 0.0012,
        "sigma_growth": 0.0019,
        "sigma_nearest": 0.4,
        "completed_sigma": 0.02,
        "free_margin": 0.005,
        "edge_jump": 0.02,
        "outline_silent": 1,
        "outline_width": 3,
        "box_inflation": 1.05,
        "max_rays": 10**6,
        "use_confidence": True,
        "completed_depth": True,
        "unknown_is_silent": True,
    }
    return {**options, **changes}


def point_options() -> dict:
    """Arguments of PointSampler that come from the config."""
    return {"num_uniform": 64, "num_surface": 64, "num_carved": 32, "band": 0.03, "carved_reach": 0.1}
