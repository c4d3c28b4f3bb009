"""The sphere of `sphere_scene` as O2-Recon's training data, opened again: for the tests of masks/ and inpaint/."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sphere_scene import sphere_scene

from o2recon.scene import RecordedScene, TrainingFolder
from o2recon.scene.readers import O2ReconTrainingReader
from o2recon.scene.registration import Registration
from o2recon.scene.writers import O2ReconTrainingWriter
from o2recon.types import ObjectRecord, ObjectView, ViewRecord
from o2recon.workspace import ObjectFolder, write_image


@dataclass(frozen=True)
class TrainingSphere:
    """`before`: the views that were written. `folder`: prepared anew from the training data, up to the volume."""

    before: tuple[ObjectView, ...]
    scene: RecordedScene
    data: TrainingFolder
    folder: ObjectFolder

    def carried(self, number: int, image: np.ndarray) -> np.ndarray:
        """A mask or value of the written view on the pictures' grid."""
        moved = Registration(source=self.before[number].camera, target=self.scene.camera)
        return moved.nearest(image.astype(np.float32))


def training_sphere(root: Path) -> TrainingSphere:
    """Two views of object 1, the left of each covered by a plate; above it is one patch that is only possible and one
    of which nothing is known."""
    sphere = sphere_scene(num_views=2, size=240)
    prepared = sphere.write(root / "before" / "objects" / "1")
    for view in sphere.views:
        for kind, top in (("possible", 20), ("unknown", 40)):
            mask = np.zeros((240, 240), bool)
            mask[top : top + 10, 100:140] = True
            write_image(prepared.image(f"masks/{kind}", view.index), mask)
    written = O2ReconTrainingWriter(root=root)(prepared)
    scene = RecordedScene(
        root=written,
        reader=O2ReconTrainingReader(image_size=None, object_id=None),
        frame_skip=1,
        max_bad_share=0.1,
        depth_scale=0.001,
        depth_noise=(0.0012, 0.0019, 0.4),
        sketches=None,
        up="auto",
        scale=1.0,
        width=None,
        pose="camera_to_world",
        axes="opencv",
        color_offset=None,
        ids_on="auto",
    )
    folder = ObjectFolder(root / "after" / "objects" / "1")
    for frame in scene.frames():
        write_image(folder.image("images", frame.index), frame.color)
        folder.write_depth("depth", frame.index, frame.depth)
        write_image(folder.image("masks/visible", frame.index), frame.instance == 1)
    views = tuple(ViewRecord(i, scene.camera, scene.poses[i], 1.0, False) for i in scene.indices)
    folder.write_record(ObjectRecord("after", 1, "ball", sphere.frame, views, None))
    folder.write_volume(sphere.volume(0.03))
    before = tuple(prepared.read_view(v) for v in prepared.read_record().views)
    return TrainingSphere(before, scene, TrainingFolder(root=written, image_size=None), folder)
