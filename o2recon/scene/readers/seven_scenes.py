"""Reader of 7-Scenes: Kinect sequences whose colour and depth images are not registered."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from o2recon.scene.capture import Capture, Lens, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.matrices import read_pose
from o2recon.scene.readers.frame_files import complete, frame_files
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import pinhole
from o2recon.scene.readers.two_cameras import on_color

SEQUENCE = re.compile(r"seq-(\d{1,3})")
MILLIMETRE = 0.001
STRIDE = 1_000_000
"""Frame 7 of seq-02 is frame 2,000,007 of the capture; names have six digits."""

log = logging.getLogger(__name__)


class SevenScenesReader:
    """`seq-<n>/frame-000000.{color.png,depth.png,pose.txt}`, or one such sequence folder by itself.

    All sequences of a scene share one world, so all are read (`sequences`: only these numbers). Poses are
    camera_to_world of the depth camera in metres, OpenCV axes; nothing says which way is up. Depth is in millimetres,
    65535 and 0 where nothing was measured.

    Neither camera is calibrated: the authors give 585 pixels and the image's centre for depth (`depth_focal`), and
    525 is what is used for colour (`color_focal`). **Colour and depth are not registered**: a Kinect's two cameras sit
    about 2.5 cm apart, 6 pixels at 2 m, by which masks painted or found on colour bleed. `color_offset`: where the
    colour camera is in the depth camera's axes (right, down, forward; metres): depth is then carried to it, and the
    check of `prepare` says what shift remains. None: both are taken for one camera. Images that were registered before
    (kapture does) need nothing but the colour's focal length for both.

    Sources: the data set's page (microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes) as quoted in kapture's
    import_7scenes.py; DSAC*'s setup_7scenes.py for 525.
    """

    def __init__(
        self,
        *,
        depth_focal: float,
        color_focal: float,
        color_offset: Sequence[float | int] | None,
        sequences: Sequence[int] | None,
    ) -> None:
        for name, focal in (("depth_focal", depth_focal), ("color_focal", color_focal)):
            if not focal > 0:
                raise ValueError(f"scene.reader.{name} is {focal}: give pixels above 0, usually 585 and 525")
        self._focals = {"depth": float(depth_focal), "color": float(color_focal)}
        self._offset = None if color_offset is None else np.array(list(color_offset), float)
        if self._offset is not None and not (self._offset.shape == (3,) and (np.abs(self._offset) < 1).all()):
            raise ValueError(
                f"scene.reader.color_offset is {color_offset}: give [right, down, forward] in metres or null"
            )
        self._sequences = sequences

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        shots: list[Shot] = []
        damaged: dict[int, str] = {}
        for number, folder in self._folders(root):
            for frame, parts in frame_files(folder).items():
                index = number * STRIDE + frame
                try:
                    shots.append(self._shot(root, index, *complete(folder, frame, parts)))
                except ValueError as damage:
                    damaged[index] = str(damage)
        if not shots and not damaged:
            raise ValueError(f"{root} holds no frame-000000.color.png: set scene.root to a scene or sequence folder")
        if self._offset is None and self._focals["depth"] != self._focals["color"]:
            log.warning(
                "%s: colour and depth of 7-Scenes are not registered (two lenses about 2.5 cm apart): expect masks to"
                " be off by some pixels, or set scene.reader.color_offset",
                root.name,
            )
        return Capture(tuple(shots), None, damaged)

    def _folders(self, root: Path) -> list[tuple[int, Path]]:
        """Number and folder of each sequence; 0 when the root is one itself."""
        if not root.is_dir():
            raise ValueError(f"{root} is no folder: set scene.root to a scene of 7-Scenes, or one of its sequences")
        found = sorted((p for p in root.iterdir() if SEQUENCE.fullmatch(p.name) and p.is_dir()), key=lambda p: p.name)
        numbered = {int(p.name.removeprefix("seq-")): p for p in found}
        if self._sequences is None:
            return list(numbered.items()) or [(0, root)]
        missing = [number for number in self._sequences if number not in numbered]
        if missing:
            raise ValueError(
                f"{root} has no seq-{missing[0]:02d}: scene.reader.sequences may name {', '.join(map(str, numbered))}"
            )
        return [(number, numbered[number]) for number in sorted(set(self._sequences))]

    def _shot(self, root: Path, index: int, color: Path, depth: Path, pose: Path) -> Shot:
        pictures = {"color": file_picture(color, "color"), "depth": file_picture(depth, "depth")}
        lenses = {}
        for kind, picture in pictures.items():
            center = (picture.size[0] / 2, picture.size[1] / 2)
            lenses[kind] = Lens(pinhole((self._focals[kind],) * 2, center, picture.size, f"scene.reader.{kind}_focal"))
        shot = Shot(
            index=index,
            camera_to_world=read_pose(pose),
            lens=lenses["color"],
            color=pictures["color"],
            depth=pictures["depth"],
            depth_lens=lenses["depth"],
            instance=instance_beside(root, index),
            files=(pose,),
        )
        return shot if self._offset is None else on_color(shot, self._offset, MILLIMETRE)
