"""Pictures of a run, view by view: what went in, what was made of it, and where it is wrong."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from o2recon.evaluate import find_truth
from o2recon.logger.facts import RunFacts
from o2recon.mesh.color import stored_colors
from o2recon.mesh.export import read_mesh
from o2recon.mesh.raycast import Caster
from o2recon.mesh.render import render_looks
from o2recon.report.colors import error_colors
from o2recon.report.figures import ViewPictures, spread, view_pictures
from o2recon.types import Camera, ViewRecord

NAMES = ("input", "mask", "inpainted", "rendered", "normal", "error", "truth_error")


@dataclass(frozen=True)
class Panel:
    """One view. `pictures`: RGB of one size by name, of NAMES those that there is data for."""

    caption: str
    pictures: dict[str, UInt8[np.ndarray, "height width 3"]] = field(default_factory=dict)


class Panels:
    """Makes the panels of a run. `height` in pixels; `error_range_cm` is the error with the last colour.

    input, mask (visible, hidden, possible), inpainted: what training saw. rendered, normal: the mesh from there;
    normals are camera x, y up, z towards the viewer as red, green, blue. error: where the object is visible, between
    rendered and measured depth. truth_error: on the mesh, to the nearest point of the truth, where it is known.
    """

    def __init__(self, *, num_views: int, height: int, error_range_cm: float) -> None:
        self._num_views, self._height, self._error_range = num_views, height, error_range_cm / 100

    def __call__(self, facts: RunFacts, *, meshed: bool) -> list[Panel]:
        """`meshed`: the mesh in the run's folder is the run's own."""
        views = spread(facts.prepared.read_record().views, self._num_views)
        found = [view_pictures(facts.prepared, view, height=self._height) for view in views]
        shown = [pictures for pictures in found if pictures is not None]
        body = _Body.read(facts, self._error_range) if meshed else None
        return [self._panel(facts, pictures, body) for pictures in shown]

    def _panel(self, facts: RunFacts, pictures: ViewPictures, body: "_Body | None") -> Panel:
        view = pictures.view
        held_out = ", held out" if view.held_out else ""
        panel = Panel(f"view {view.index}{held_out}", {"input": pictures.input, "mask": pictures.overlay})
        if pictures.inpainted is not None:
            panel.pictures["inpainted"] = pictures.inpainted
        if body is not None:
            size = (pictures.input.shape[1], pictures.input.shape[0])
            camera = cropped(view.camera, pictures.box, size)
            panel.pictures.update(body.looks(camera, view))
            depth, visible = (
                cv2.resize(image[pictures.box], size, interpolation=cv2.INTER_NEAREST)
                for image in (
                    facts.prepared.read_depth("depth", view.index),
                    facts.prepared.read_mask("masks/visible", view.index).astype(np.uint8),
                )
            )
            rendered = body.caster.depth_image(camera, view.camera_to_world)[0]
            known = (visible > 0) & (depth > 0)
            error = np.abs(np.where(np.isfinite(rendered), rendered, np.inf) - depth)[known]
            panel.pictures["error"] = _faded(pictures.input)
            panel.pictures["error"][known] = error_colors(error, self._error_range)
        return panel


@dataclass(frozen=True)
class _Body:
    """The mesh of a run, ready to be looked at."""

    mesh: trimesh.Trimesh
    caster: Caster
    colors: UInt8[np.ndarray, "vertices 3"] | None
    error: UInt8[np.ndarray, "vertices 3"] | None

    @classmethod
    def read(cls, facts: RunFacts, error_range: float) -> "_Body | None":
        """None without a mesh."""
        file: Path = facts.folder / "mesh.ply"
        if not file.is_file():
            return None
        mesh, truth = read_mesh(file), find_truth(facts.truth, facts.object)
        error = None
        if truth is not None:
            distance = cKDTree(truth.points).query(np.asarray(mesh.vertices))[0]
            error = error_colors(distance, error_range)
        return cls(mesh, Caster(mesh), stored_colors(mesh), error)

    def looks(self, camera: Camera, view: ViewRecord) -> dict[str, UInt8[np.ndarray, "height width 3"]]:
        pose = view.camera_to_world
        looks = [self.colors, *([] if self.error is None else [self.error])]
        names = ["rendered", *([] if self.error is None else ["truth_error"])]
        pictures = render_looks(self.mesh, camera, pose, looks, caster=self.caster)
        normal = normal_picture(self.mesh, self.caster.depth_image(camera, pose)[1], pose)
        return {**dict(zip(names, pictures, strict=True)), "normal": normal}


def cropped(camera: Camera, box: tuple[slice, slice], size: tuple[int, int]) -> Camera:
    """The camera of the part `box` (rows, columns) of its image, scaled to `size` (width, height)."""
    rows, columns = box
    scale = np.array([size[0] / (columns.stop - columns.start), size[1] / (rows.stop - rows.start)])
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2, 2] -= [columns.start, rows.start]
    intrinsics[:2] *= scale[:, None]
    return Camera(intrinsics, *size)


def normal_picture(
    mesh: trimesh.Trimesh, face: Int[np.ndarray, "height width"], camera_to_world: Float[np.ndarray, "4 4"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Face normals in the camera's axes, y up and z towards the viewer, [-1, 1] as [0, 255]; white where face is -1."""
    picture = np.full((*face.shape, 3), 255, np.uint8)
    hit = face >= 0
    normal = np.asarray(mesh.face_normals)[face[hit]] @ camera_to_world[:3, :3] * [1.0, -1.0, -1.0]
    picture[hit] = np.rint(127.5 * (1 + np.clip(normal, -1, 1))).astype(np.uint8)
    return picture


def _faded(image: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Grey and pale, for colours to be put on."""
    grey = 0.35 * image.mean(-1, keepdims=True) + 165
    return np.repeat(grey, 3, -1).round().astype(np.uint8)
