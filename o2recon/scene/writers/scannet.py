"""Writer of ScanNet's export layout."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

from o2recon.progress import track
from o2recon.scene.labels import TABLE, write_labels
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder
from o2recon.types import Frame
from o2recon.workspace import depth_to_millimetres, write_image

log = logging.getLogger(__name__)


class ScanNetWriter:
    """`color depth pose intrinsic instance-filt label-filt` and the label table, files named by frame number.

    Colour as `jpg`, as ScanNet has it (quality 95), or `png` without loss; depth in millimetres, 16 bits; ids in 8 bits
    where they fit, else 16. All on the scene's one camera; poses in its world. Without instance ids or labels those
    images are 0. ValueError for a scene without depth, which the layout cannot express, and for ids above 65535.
    """

    def __init__(self, *, root: str | Path, color: str) -> None:
        if color not in ("jpg", "png"):
            raise ValueError(f"convert.color is {color}; choose jpg or png")
        self.root, self.color = Path(root), color

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames, a few at a time."""
        if not scene.has_depth:
            raise ValueError(
                f"{scene.root} has no depth, which ScanNet's layout needs: choose convert=nerfstudio, colmap"
            )
        if not scene.has_instances:
            log.warning("%s has no object ids: instance-filt/ is 0 everywhere", scene.root)
        with converted_folder(self.root, scene, layout="scannet") as temporary:
            written = scene.each(lambda i: self._write_frame(temporary, scene.frame(i), scene.label(i)))
            for _ in track(written, description="ScanNet", total=len(scene.indices)):
                pass  # read, packed and written by several threads
            matrix = np.eye(4)
            matrix[:3, :3] = scene.camera.intrinsics
            matrix[:2, 2] -= 0.5  # pixel centres at integers
            for kind in ("color", "depth"):
                _write_matrix(temporary / "intrinsic" / f"intrinsic_{kind}.txt", matrix)
                _write_matrix(temporary / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4))
            write_labels(temporary / TABLE, scene.labels)

    def _write_frame(self, folder: Path, frame: Frame, label: Int[np.ndarray, "height width"]) -> None:
        i = frame.index
        write_image(folder / "color" / f"{i}.{self.color}", frame.color)
        write_image(folder / "depth" / f"{i}.png", depth_to_millimetres(frame.depth))
        write_image(folder / "instance-filt" / f"{i}.png", _ids(frame.instance, i))
        write_image(folder / "label-filt" / f"{i}.png", _ids(label, i))
        _write_matrix(folder / "pose" / f"{i}.txt", frame.camera_to_world)


def _write_matrix(path: Path, matrix: Float[np.ndarray, "4 4"]) -> None:
    """Every number with all its digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(" ".join(repr(float(x)) for x in row) + "\n" for row in matrix))


def _ids(
    image: Int[np.ndarray, "height width"], index: int
) -> UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]:
    largest = int(image.max(initial=0))
    if largest > 65535:
        raise ValueError(f"frame {index} has the id {largest}: the layout's images hold at most 65535")
    return image.astype(np.uint8 if largest < 256 else np.uint16)
