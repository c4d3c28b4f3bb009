"""Writer of nerfstudio's captures."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from o2recon.progress import track
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder
from o2recon.scene.writers.pictures import PictureFiles, pinhole_numbers
from o2recon.scene.writers.ply import write_ply_points

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
MILLIMETRE = 0.001
POINTS = "sparse_pc.ply"


class NerfstudioWriter:
    """`<root>/transforms.json`, images/ (PNG), depth/ (16 bits, millimetres), instances/ and labels/, sparse points.

    What `ns-train ... nerfstudio-data` and instant-ngp read (see readers.transforms_json for the sources): cameras in
    OpenGL's axes, our world, which has +z up in metres, and says so (`orientation_override: none`). `instance_path` and
    `semantic_path` are ours. ValueError for a folder that is not ours to write, and for ids above 65535.
    """

    def __init__(self, *, root: str | Path) -> None:
        self.root = Path(root)

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames of the scene."""
        fx, fy, cx, cy = pinhole_numbers(scene)
        with converted_folder(self.root, scene, layout="nerfstudio") as temporary:
            files = PictureFiles(temporary, scene)
            written = scene.each(lambda index: _entry(files.write(scene.frame(index)), scene.poses[index]))
            frames = [entry for _, entry in track(written, description="nerfstudio", total=len(scene.indices))]
            content: dict[str, Any] = {
                "camera_model": "OPENCV",
                **{"w": scene.camera.width, "h": scene.camera.height, "fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy},
                **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
                "orientation_override": "none",
            }
            if scene.has_depth:
                content |= {"integer_depth_scale": MILLIMETRE}
            if scene.points is not None and len(scene.points):
                write_ply_points(temporary / POINTS, scene.points)
                content |= {"ply_file_path": POINTS}
            files.write_table()
            text = json.dumps({**content, "frames": frames}, indent=1, allow_nan=False)
            (temporary / "transforms.json").write_text(text + "\n")


def _entry(files: dict[str, str], pose: np.ndarray) -> dict[str, Any]:
    keys = {"color": "file_path", "depth": "depth_file_path", "instance": "instance_path", "label": "semantic_path"}
    return {**{keys[kind]: file for kind, file in files.items()}, "transform_matrix": (pose @ OPENGL).tolist()}
