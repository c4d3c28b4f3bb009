"""Object ids from a network that takes prompts: the listed boxes say where, the network says which pixels."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from o2recon.cameras import pixel_centers, project, unproject
from o2recon.instances.box import Box
from o2recon.instances.boxes import BoxMasks, Inside, box_content, closed, listed_boxes, made_scene
from o2recon.progress import track
from o2recon.scene.made import MadeImages, Write
from o2recon.scene.scene import Scene
from o2recon.types import Camera, Frame

log = logging.getLogger(__name__)
NEAREST = 0.05
"""Metres before the camera from which a corner counts."""


@runtime_checkable
class Network(Protocol):
    """See o2recon.models.sam."""

    @property
    def obstacle(self) -> str | None: ...
    @property
    def identity(self) -> str: ...
    def __call__(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        boxes: Float[np.ndarray, "objects 4"],
        points: Float[np.ndarray, "objects prompts 2"] | None,
        *,
        device: str,
    ) -> tuple[Bool[np.ndarray, "objects height width"], Float[np.ndarray, "objects"]]: ...
    def release(self) -> None: ...


class PromptedMasks:
    """`network` prompted in every frame with each object's box.

    With depth, `rough` first finds the pixels whose points lie in the 3D boxes: their bounding rectangle (`margin` of
    its size wider) and `num_points` pixels inside are the prompts, and a mask that overlaps them by less than the share
    `min_overlap` (IoU) is not believed: the rough one stays. Pixels measured more than `slack` metres outside the 3D
    box are no object. Without depth the projected 3D box is the prompt, and where masks overlap the one that the
    network is surer of is in front. `min_pixels`: of a rough mask or a projected box. `boxes`, `world`: see BoxMasks.
    """

    needs_depth = False
    runs_network = True

    def __init__(
        self,
        *,
        network: Network,
        boxes: str | Path | Sequence[Any] | Mapping[Any, Any] | None,
        world: str,
        rough: BoxMasks,
        num_points: int,
        margin: float,
        min_overlap: float,
        slack: float,
        min_pixels: int,
    ) -> None:
        self.network, self.boxes, self.world, self.rough = network, boxes, world, rough
        self.num_points, self.margin, self.min_overlap = num_points, margin, min_overlap
        self.slack, self.min_pixels = slack, min_pixels

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene with these ids, made when first asked for. ValueError, one line, for boxes that are none."""
        boxes = listed_boxes(scene, self.boxes, self.world)
        own = {k: v for k, v in vars(self).items() if k not in ("network", "boxes", "rough")}
        rough = self.rough.content(boxes) if scene.has_depth else [box_content(box) for box in boxes]
        content = ["prompted", scene.fingerprint(), self.network.identity, own, rough]
        made = MadeImages(folder, content=content, make=lambda write: self._make(scene, boxes, device, write))
        return made_scene(scene, made, boxes)

    def _make(self, scene: Scene, boxes: Sequence[Box], device: str, write: Write) -> dict[str, Any]:
        if self.network.obstacle is not None:
            raise ValueError(f"instances=sam: {self.network.obstacle}")
        inside = Inside(self.rough, scene, boxes) if scene.has_depth else None
        kept = asked = 0
        try:
            for frame in track(scene.frames(), description="masks: network", total=len(scene.indices)):
                rough = None if inside is None else closed(inside(frame), frame.depth, radius=self.rough.closing_px)
                ids, believed, prompted = self._frame(frame, boxes, rough, device)
                kept, asked = kept + believed, asked + prompted
                write(frame.index, ids.astype(np.uint16))
        finally:
            self.network.release()
        if asked == 0:
            log.warning("%s: no frame sees any of the boxes: are they in the scene's world?", scene.name)
        elif kept < asked:
            log.info("masks: %d of %d masks of the network are not where the boxes are", asked - kept, asked)
        return {"prompts": asked, "believed": kept}

    def _frame(
        self, frame: Frame, boxes: Sequence[Box], rough: Int[np.ndarray, "height width"] | None, device: str
    ) -> tuple[Int[np.ndarray, "height width"], int, int]:
        """Ids, the number of masks that are believed, and of prompts."""
        ids = np.zeros((frame.camera.height, frame.camera.width), np.int32)
        prompts = [(box, p) for box in boxes if (p := self._prompt(frame, box, rough)) is not None]
        if not prompts:
            return ids, 0, 0
        rectangles = np.stack([p[0] for _, p in prompts])
        points = np.stack([p[1] for _, p in prompts]) if rough is not None else None
        masks, scores = self.network(frame.color, rectangles, points, device=device)
        believed = 0
        order = np.argsort(scores, kind="stable")
        for k in order:
            box, mask = prompts[k][0], masks[k]
            if rough is not None:
                own = rough == box.id
                both = int((mask & own).sum())
                mask = mask & self._near(frame, box) & ((rough == 0) | own)
                if both < self.min_overlap * int((mask | own).sum()):
                    mask = own
                else:
                    believed += 1
            else:
                mask = mask & _filled(rectangles[k], ids.shape)
                believed += 1
            ids[mask] = box.id
        return ids, believed, len(prompts)

    def _prompt(
        self, frame: Frame, box: Box, rough: Int[np.ndarray, "height width"] | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Rectangle and points; None where the object is not seen."""
        if rough is None:
            found = projected_box(box, frame.camera, frame.camera_to_world)
            if found is None or (found[2] - found[0]) * (found[3] - found[1]) < self.min_pixels:
                return None
            return found, np.zeros((0, 2))
        mask = (rough == box.id).astype(np.uint8)
        if int(mask.sum()) < self.min_pixels:
            return None
        x, y, width, height = cv2.boundingRect(mask)
        grow = np.array([width, height]) * self.margin
        size = np.array([frame.camera.width, frame.camera.height], float)
        low, high = np.maximum([x, y] - grow, 0), np.minimum([x + width, y + height] + grow, size)
        return np.concatenate([low, high]), inner_points(mask > 0, self.num_points)

    def _near(self, frame: Frame, box: Box) -> Bool[np.ndarray, "height width"]:
        """Pixels without depth, or measured in the box grown by `slack`."""
        measured = frame.depth > 0
        near = ~measured
        at = pixel_centers(frame.camera)[measured]
        points = unproject(frame.camera, frame.camera_to_world, at, frame.depth[measured].astype(float))
        near[measured] = box.holds(points, margin=self.slack)
        return near


def projected_box(box: Box, camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4"] | None:
    """(left, top, right, bottom) of a box in the image, pixels; None when some corner is not before the camera or
    nothing of it is in the image."""
    pixels, z = project(camera, camera_to_world, box.corners)
    if (z < NEAREST).any():
        return None
    size = np.array([camera.width, camera.height], float)
    low, high = np.clip(pixels.min(0), 0, size), np.clip(pixels.max(0), 0, size)
    return None if (high - low < 1).any() else np.concatenate([low, high])


def inner_points(mask: Bool[np.ndarray, "height width"], count: int) -> Float[np.ndarray, "count 2"]:
    """Pixels deep inside a mask and far from each other: each the deepest outside the discs of those before."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    v, u = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    found = []
    for _ in range(count):
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        found.append([column + 0.5, row + 0.5])
        depth = np.minimum(depth, np.hypot(v - row, u - column) / 2 * mask)
    return np.array(found)


def _filled(rectangle: Float[np.ndarray, "4"], shape: tuple[int, ...]) -> Bool[np.ndarray, "height width"]:
    left, top, right, bottom = np.rint(rectangle).astype(int)
    filled = np.zeros(shape, bool)
    filled[top:bottom, left:right] = True
    return filled
