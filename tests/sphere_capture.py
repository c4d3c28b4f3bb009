"""The sphere of `sphere_scene` as a capture, for the tests of masks/, inpaint/ and cues/: before any stage ran."""

from pathlib import Path

import numpy as np
from sphere_scene import SphereScene, sphere_scene

from o2recon.scene import Label, Scene
from o2recon.types import Frame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, write_image


class SphereCapture(Scene):
    """Object 1 is the sphere, object 2 the plate in front of it. `gains` are the exposures of the views."""

    def __init__(self, sphere: SphereScene, root: Path, *, gains: np.ndarray | None = None) -> None:
        self.sphere, self.root, self.name = sphere, root, "sphere"
        self.camera = sphere.views[0].camera
        self.up = np.array([0.0, 0.0, 1.0])
        self.views = {v.index: v for v in sphere.views}
        self.poses = {i: v.camera_to_world for i, v in self.views.items()}
        self.labels: dict[int, Label] = {}
        self.skipped: dict[int, str] = {}
        self.num_listed, self.max_bad_share, self.groundtruth = len(self.views), 0.1, None
        self.painted: dict[int, np.ndarray] = {}
        self.gains = dict(zip(self.views, np.ones(len(self.views)) if gains is None else gains, strict=True))

    def frame(self, index: int) -> Frame:
        view = self.views[index]
        return Frame(index, self._color(index), view.depth, self.instance(index), self.camera, view.camera_to_world)

    def _color(self, index: int) -> np.ndarray:
        """The sphere painted by a smooth function of the world position, the rest by another one."""
        view = self.views[index]
        world = view.normal @ view.camera_to_world[:3, :3].T
        sphere = 128 + 60 * np.sin(3 * world + np.array([0.0, 1.0, 2.0]))
        image = np.where(view.visible[..., None], sphere, 90)
        return np.clip(image * self.gains[index], 0, 255).astype(np.uint8)

    def instance(self, index: int) -> np.ndarray:
        view = self.views[index]
        return np.where(view.visible, 1, np.where(view.depth == view.depth.min(where=view.depth > 0, initial=9), 2, 0))

    def label(self, index: int) -> np.ndarray:
        return np.zeros((self.camera.height, self.camera.width), int)

    def sketches(self, object_id: int) -> dict[int, np.ndarray]:
        return self.painted

    def depth_sigma(self, z: np.ndarray) -> np.ndarray:
        return 0.0012 + 0.0019 * (z - 0.4) ** 2

    def floor_height(self) -> float | None:
        return None

    def fingerprint(self) -> str:
        return "sphere"


def prepared(path: Path, *, gains: np.ndarray | None = None, size: int = 64) -> tuple[SphereCapture, ObjectFolder]:
    """The capture, and the object's folder as the stages before the masks leave it."""
    capture = SphereCapture(sphere_scene(num_views=8, size=size), path, gains=gains)
    folder = ObjectFolder(path / "objects" / "1")
    records = []
    for view in capture.sphere.views:
        frame = capture.frame(view.index)
        records.append(ViewRecord(view.index, view.camera, view.camera_to_world, 1.0, False))
        write_image(folder.image("images", view.index), frame.color)
        write_image(folder.image("masks/visible", view.index), view.visible)
        folder.write_depth("depth", view.index, view.depth)
    folder.write_record(ObjectRecord("sphere", 1, "ball", capture.sphere.frame, tuple(records), None))
    folder.write_volume(capture.sphere.volume(0.02))
    return capture, folder
