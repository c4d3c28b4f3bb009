"""Reader of O2-Recon's training data: one object, its photographs cropped and in-painted."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.scene import Label
from o2recon.scene.training_folder import CLOUD, EXTRAS, NOTES, TrainingFolder

log = logging.getLogger(__name__)
FILES = ("trans_n2w.txt", "cameras_sphere.npz", "semantic.txt", "clip_scores.json", CLOUD)
LABEL = 1
"""Of the object; everything else has 0."""


class O2ReconTrainingReader:
    """`dataset/indoor-paper/<scene>_scannet_obj_<id>_inpainted/` as a capture of that one object.

    Cameras are `world_mat_<i> @ scale_mat_<i>` of `cameras_sphere.npz`, decomposed and brought to metres by
    `trans_n2w.txt`; `pose/` has the poses in metres already and is taken where it is there and says the same. Depth is
    of the whole photograph and is carried to the cropped picture. The object's visible pixels are those of `visible/`
    where there is such a folder (we write it); else those of `mask/` whose depth lies on `point_cloud_scan_norm.ply`
    (without it: within the object's sphere), and drop-out between them. In the frames, in-painted pixels have no id and
    no depth but that of what covers the object.

    `image_size`: see TrainingFolder. `object_id`: None takes the one in the folder's name.
    """

    def __init__(self, *, image_size: Sequence[int] | None, object_id: int | None) -> None:
        self.image_size, self.object_id = image_size, object_id

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder = TrainingFolder(root=root, image_size=self.image_size)
        indices = folder.indices()
        folder.check()
        if self.image_size is None and not (root / NOTES).is_file():
            log.info("%s: photographs taken for ScanNet's 1296x968 (scene.reader.image_size)", root.name)
        object_id = folder.object_id if self.object_id is None else self.object_id
        if object_id is None:
            raise ValueError(f"{root} does not end in _obj_<id>_inpainted: give the id with scene.reader.object_id=")
        shots, damaged = [], {}
        for index in indices:
            try:
                shots.append(_shot(folder, index, object_id))
            except ValueError as error:
                damaged[index] = str(error)
        extras = [root / name for name in (*FILES, NOTES)]
        for kind in (*EXTRAS, "pred_normal"):
            extras += sorted((root / kind).glob("*.*"))
        return Capture(
            shots=tuple(shots),
            up=np.array([0.0, 0.0, 1.0]),
            damaged=damaged,
            labels={LABEL: Label(LABEL, folder.category, -1)},
            files=tuple(f for f in extras if f.is_file()),
            groundtruth=root / "groundtruth" if (root / "groundtruth").is_dir() else None,
            only=object_id,
        )


def _shot(folder: TrainingFolder, index: int, object_id: int) -> Shot:
    color = file_picture(folder.file("image", index), "color")
    mask = file_picture(folder.file("mask", index), "color")
    depth = file_picture(folder.file("depth", index), "depth")
    if mask.size != color.size:
        raise ValueError(f"{mask.source} is {mask.size[0]}x{mask.size[1]}, its image {color.size[0]}x{color.size[1]}")
    camera, pose = folder.camera(index, color.size)
    lens, stamp = Lens(camera), f"{mask.stamp} {depth.stamp}"

    def millimetres() -> np.ndarray:
        return folder.read(index).depth * 1000

    def ids() -> np.ndarray:
        return np.where(folder.read(index).visible, object_id, 0).astype(np.int32)

    def labels() -> np.ndarray:
        return np.where(folder.read(index).visible, LABEL, 0).astype(np.int32)

    return Shot(
        index=index,
        camera_to_world=pose,
        lens=lens,
        color=color,
        depth=Picture(depth.source, color.size, stamp, millimetres),
        depth_lens=lens,
        instance=Picture(mask.source, color.size, stamp, ids),
        label=Picture(mask.source, color.size, stamp, labels),
    )
