"""Writer of TUM RGB-D folders."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt16
from scipy.spatial.transform import Rotation

from o2recon.progress import track
from o2recon.scene.readers.masks_beside import FOLDER
from o2recon.scene.readers.tum import UP_COMMENT
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder, warn_of_lost_labels
from o2recon.scene.writers.pictures import ids_image, pinhole_numbers
from o2recon.types import Frame
from o2recon.workspace import write_image

RATE = 30.0
"""Frames a second: frame i is at i / 30 s, as a Kinect takes them."""
UNITS = 5000
"""Of depth, per metre."""
HEADERS = {
    "rgb.txt": "# color images\n# timestamp filename\n",
    "depth.txt": "# depth maps\n# timestamp filename\n",
    "associated.txt": "",
    "groundtruth.txt": f"# camera_to_world, metres\n{UP_COMMENT}\n# timestamp tx ty tz qx qy qz qw\n",
}


class TumWriter:
    """`rgb/`, `depth/` (5000 units per metre), rgb.txt, depth.txt, associated.txt, groundtruth.txt, calibration.txt.

    What SLAM systems for the TUM benchmark read; files are named by frame number. calibration.txt (fx fy cx cy, pixel
    centres at integers) is that of ETH3D's SLAM benchmark and BAD SLAM; object ids lie in instance-filt/, which only
    our reader knows. Depth beyond 13.1 m does not fit and is dropped. ValueError for a scene without depth.
    """

    def __init__(self, *, root: str | Path) -> None:
        self.root = Path(root)

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames of the scene."""
        if not scene.has_depth:
            raise ValueError(f"{scene.root} has no depth, which this layout needs: choose convert=nerfstudio or colmap")
        fx, fy, cx, cy = pinhole_numbers(scene)
        warn_of_lost_labels(scene, "TUM")
        with converted_folder(self.root, scene, layout="tum") as temporary:
            lists = {name: [header] for name, header in HEADERS.items()}
            written = scene.each(lambda index: _write(temporary, scene.frame(index), scene.has_instances))
            for _, added in track(written, description="TUM", total=len(scene.indices)):
                for name, line in zip(HEADERS, added, strict=True):
                    lists[name].append(line)
            for name, lines in lists.items():
                (temporary / name).write_text("".join(lines))
            (temporary / "calibration.txt").write_text(f"{fx!r} {fy!r} {cx - 0.5!r} {cy - 0.5!r}\n")


def _write(root: Path, frame: Frame, has_instances: bool) -> tuple[str, str, str, str]:
    """Pictures of one frame; its lines in the four lists."""
    time, name = f"{frame.index / RATE:.6f}", f"{frame.index:06d}.png"
    write_image(root / "rgb" / name, frame.color)
    write_image(root / "depth" / name, depth_units(frame.depth))
    if has_instances:
        write_image(root / FOLDER / f"{frame.index}.png", ids_image(frame.instance, frame.index))
    color, depth = f"{time} rgb/{name}", f"{time} depth/{name}"
    quaternion = Rotation.from_matrix(frame.camera_to_world[:3, :3]).as_quat()
    numbers = [*frame.camera_to_world[:3, 3].tolist(), *quaternion.tolist()]
    return f"{color}\n", f"{depth}\n", f"{color} {depth}\n", f"{time} {' '.join(map(repr, numbers))}\n"


def depth_units(depth: Float[np.ndarray, "height width"]) -> UInt16[np.ndarray, "height width"]:
    """Metres as units of 0.2 mm; 0 where nothing was measured or where it does not fit."""
    units = np.rint(np.nan_to_num(depth) * UNITS)
    return np.where((units > 0) & (units < 65535), units, 0).astype(np.uint16)
