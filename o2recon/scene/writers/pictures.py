"""The pictures of a scene's frames as files, for the writers whose layouts keep them in folders."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from o2recon.scene.labels import TABLE, write_labels
from o2recon.scene.scene import Scene
from o2recon.types import Frame
from o2recon.workspace import depth_to_millimetres, write_image

MAX_ID = 65535
"""Of a 16-bit PNG."""


@dataclass(frozen=True)
class PictureFiles:
    """Writes images/, depth/, instances/ and labels/, one PNG per frame, below `root`.

    Colour without loss; depth in millimetres, 16 bits; ids as they are, 16 bits. Depth, ids and labels are left out
    where the scene has none.
    """

    root: Path
    scene: Scene

    def write(self, frame: Frame) -> dict[str, str]:
        """Files of one frame, by what they hold (color, depth, instance, label), relative to `root`."""
        name = frame_name(frame.index)
        pictures = {"images": frame.color}
        if self.scene.has_depth:
            pictures["depth"] = depth_to_millimetres(frame.depth)
        if self.scene.has_instances:
            pictures["instances"] = ids_image(frame.instance, frame.index)
        if self.scene.labels:
            pictures["labels"] = ids_image(self.scene.label(frame.index), frame.index)
        for folder, image in pictures.items():
            write_image(self.root / folder / name, image)
        kinds = {"images": "color", "depth": "depth", "instances": "instance", "labels": "label"}
        return {kinds[folder]: f"{folder}/{name}" for folder in pictures}

    def written(self, frame: Frame) -> Frame:
        """The frame, its files written."""
        self.write(frame)
        return frame

    def write_table(self) -> None:
        """The label table beside them, where there are labels."""
        if self.scene.labels:
            write_labels(self.root / TABLE, self.scene.labels)


def frame_name(index: int) -> str:
    """`frame_00012.png`: readers get the frame's number back."""
    return f"frame_{index:05d}.png"


def pinhole_numbers(scene: Scene) -> tuple[float, float, float, float]:
    """fx fy cx cy, pixel centres at +0.5. ValueError for a skewed camera, which these layouts cannot say."""
    k = scene.camera.intrinsics
    if k[0, 1] or k[1, 0]:
        raise ValueError(f"{scene.root}: its camera has skew ({k[0, 1]:g} pixels), which this layout cannot express")
    return float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2])


def ids_image(image: np.ndarray, index: int) -> np.ndarray:
    """Ids as 16 bits. ValueError when one of them does not fit."""
    if image.size and image.max() > MAX_ID:
        raise ValueError(f"frame {index} has the id {image.max()}: a 16-bit PNG holds at most {MAX_ID}")
    return image.astype(np.uint16)
