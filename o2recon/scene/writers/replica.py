"""Writer of Replica's layout as vMAP has it."""

from pathlib import Path

import numpy as np

from o2recon.files import write_json
from o2recon.progress import track
from o2recon.scene.readers.replica import CAMERA, CLASSES, VMAP
from o2recon.scene.readers.units import MILLIMETRES
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder
from o2recon.scene.writers.pictures import ids_image, pinhole_numbers
from o2recon.workspace import depth_to_millimetres, write_image


class ReplicaWriter:
    """`rgb depth semantic_instance semantic_class` (`<folder>/<folder>_<frame>.png`) and `traj_w_c.txt`, row i the pose
    of frame i (nan where that frame is missing); `cam_params.json` as NICE-SLAM has it and `info_semantic.json` as
    Replica has it, with the NYU40 class added. Colour without loss, depth in millimetres.

    vMAP itself reads frames 0 to n-1 only, and the camera from its own configuration. ValueError for a scene without
    depth.
    """

    def __init__(self, *, root: str | Path) -> None:
        self.root = Path(root)

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames, a few at a time."""
        if not scene.has_depth:
            raise ValueError(f"{scene.root} has no depth, which Replica has: choose convert=nerfstudio or colmap")
        with converted_folder(self.root, scene, layout="replica") as folder:
            written = scene.each(lambda index: _write_frame(folder, scene, index))
            poses = {i: scene.poses[i] for i, _ in track(written, description="Replica", total=len(scene.indices))}
            rows = [poses.get(i, np.full((4, 4), np.nan)).ravel() for i in range(max(poses) + 1)]
            (folder / VMAP.poses).write_text("".join(" ".join(repr(float(x)) for x in row) + "\n" for row in rows))
            fx, fy, cx, cy = pinhole_numbers(scene)
            lens = {"fx": fx, "fy": fy, "cx": cx - 0.5, "cy": cy - 0.5}  # pixel centres at integers
            size = {"w": scene.camera.width, "h": scene.camera.height}
            write_json(folder / CAMERA, {"camera": {**size, **lens, "scale": MILLIMETRES}})
            classes = [{"id": i, "name": v.raw_category, "nyu40": v.nyu40} for i, v in sorted(scene.labels.items())]
            write_json(folder / CLASSES, {"classes": classes})


def _write_frame(folder: Path, scene: Scene, index: int) -> None:
    frame, label = scene.frame(index), scene.label(index)
    pictures = {"rgb": frame.color, "depth": depth_to_millimetres(frame.depth)}
    if scene.has_instances:
        pictures["semantic_instance"] = ids_image(frame.instance, index)
        pictures["semantic_class"] = ids_image(label, index)
    for name, image in pictures.items():
        write_image(folder / name / f"{name}_{index}.png", image)
