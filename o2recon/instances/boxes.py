"""Object ids from 3D boxes: what the depth images show inside a box, minus what the object stands on."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.instances.box import Box, read_boxes
from o2recon.instances.cloud import SurfaceCloud, cell_numbers, surface_cloud, world_points
from o2recon.instances.pieces import owners, smooth_pieces
from o2recon.instances.planes import PlaneSearch, Support, above
from o2recon.instances.scene import InstanceScene
from o2recon.progress import track
from o2recon.scene.made import MadeImages, Write
from o2recon.scene.scene import Scene
from o2recon.types import Frame

log = logging.getLogger(__name__)
WORLDS = ("scene", "capture")
EXTENT_FRAMES = 16
"""Frames from which a message says where the scan's points lie."""


class BoxMasks:
    """Ids of pixels whose measured point lies in a box, so that what covers the object is never part of it.

    `boxes`: see box.py; `world`: their coordinates, `scene` (metres, +z up) or `capture` (as the capture has them).
    `margin`: metres by which boxes are grown. `planes` finds what the object stands on or leans against: what lies
    less than `support_slack` metres + `support_sigmas` times the depth's noise from it is not the object. Where boxes
    overlap, smooth pieces (`max_angle` degrees between neighbours, on cells of `spacing` metres) go to the box that has
    most of them alone; pieces that lie by more than the share `max_outside` outside of all boxes belong to none.
    Pixels without depth take the id of the nearest one with depth up to `closing_px` pixels away. At most `max_frames`
    frames decide on planes and pieces.
    """

    needs_depth = True
    runs_network = False

    def __init__(
        self,
        *,
        boxes: str | Path | Sequence[Any] | Mapping[Any, Any] | None,
        world: str,
        margin: float,
        planes: PlaneSearch,
        support_slack: float,
        support_sigmas: float,
        spacing: float,
        max_angle: float,
        max_outside: float,
        closing_px: int,
        max_frames: int,
    ) -> None:
        if world not in WORLDS:
            raise ValueError(f"instances.world is '{world}': choose scene (metres, +z up) or capture (its own)")
        self.boxes, self.world, self.margin, self.planes = boxes, world, margin, planes
        self.support_slack, self.support_sigmas = support_slack, support_sigmas
        self.spacing, self.max_angle, self.max_outside = spacing, max_angle, max_outside
        self.closing_px, self.max_frames = closing_px, max_frames

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene with these ids, made when first asked for. ValueError, one line, for boxes that are none."""
        boxes = listed_boxes(scene, self.boxes, self.world)
        if not scene.has_depth:
            raise ValueError(
                f"{scene.root} has no depth, which masks from boxes need: add depth=network"
                " depth.network.model=ID or FOLDER, or use instances=sam"
            )
        made = MadeImages(folder, content=[scene.fingerprint(), self.content(boxes)], make=_Making(self, scene, boxes))
        return made_scene(scene, made, boxes)

    def content(self, boxes: Sequence[Box]) -> Any:
        """What decides the masks beside the scene."""
        own = {k: v for k, v in vars(self).items() if k not in ("boxes", "planes")}
        return ["boxes", own, vars(self.planes), [box_content(box) for box in boxes]]


def listed_boxes(scene: Scene, boxes: Any, world: str) -> tuple[Box, ...]:
    """The boxes of the config in the scene's world. ValueError when there are none."""
    if boxes is None:
        raise ValueError("objects.boxes is needed: a YAML or JSON file of {id, category, center, size, yaw}, or a list")
    return read_boxes(boxes, scene.capture_to_world if world == "capture" else np.eye(4))


def box_content(box: Box) -> Any:
    """What identifies a box."""
    frame = box.frame
    return [box.id, *(np.round(v, 6).tolist() for v in (frame.center, frame.rotation, frame.half_extents))]


def made_scene(scene: Scene, made: MadeImages, boxes: Sequence[Box]) -> InstanceScene:
    """A scene with the ids of made images; frames without one hold none."""

    def ids(index: int) -> Int[np.ndarray, "height width"]:
        image = made.read(index)
        nothing = np.zeros((scene.camera.height, scene.camera.width), np.int32)
        return nothing if image is None else image.astype(np.int32)

    named = {box.id: box.category for box in boxes}
    names = "; ".join(f"{i} {name}" for i, name in sorted(named.items()))
    return InstanceScene(
        scene, ids=ids, categories=named, background=False, identity=f"{made.identity} {names}", make=made.make
    )


class Inside:
    """Which object every pixel's measured point belongs to, by boxes, supports and pieces."""

    def __init__(self, source: BoxMasks, scene: Scene, boxes: Sequence[Box]) -> None:
        self._source, self._scene, self._boxes = source, scene, boxes
        step = max(len(scene.indices) // source.max_frames, 1)
        chosen = scene.indices[::step]
        frames = track(scene.frames(chosen), description="boxes: surfaces", total=len(chosen))
        reach = source.planes.ring + source.margin
        self._cloud: SurfaceCloud = surface_cloud(frames, boxes, spacing=source.spacing, reach=reach)
        self.supports: dict[int, tuple[Support, ...]] = {b.id: source.planes(self._cloud, b) for b in boxes}
        self._owner = self._owners()

    def __call__(self, frame: Frame) -> Int[np.ndarray, "height width"]:
        """Ids, before holes are closed."""
        points = world_points(frame)
        slack = self._source.support_slack + self._source.support_sigmas * self._scene.depth_sigma(frame.depth)
        held = np.stack([self._holds(box, points, slack) for box in self._boxes]) & (frame.depth > 0)
        where = held.any(0)
        ids = np.zeros(frame.depth.shape, np.int32)
        if not where.any():
            return ids
        volumes = np.array([box.volume for box in self._boxes])
        smallest = np.where(held[:, where], volumes[:, None], np.inf).argmin(0)
        row = self._cloud.find(cell_numbers(points[where], self._cloud.spacing))
        owner = np.where(row >= 0, self._owner[row], smallest)
        inside = held[:, where][owner, np.arange(owner.size)]
        owner = np.where(inside | (owner < 0), owner, smallest)
        numbers = np.array([box.id for box in self._boxes])
        ids[where] = np.where(owner >= 0, numbers[owner], 0)
        return ids

    def _holds(self, box: Box, points: np.ndarray, slack: Any) -> Bool[np.ndarray, "*shape"]:
        held = box.holds(points, margin=self._source.margin)
        return np.asarray(held & above(box, self.supports[box.id], points, slack))

    def _owners(self) -> Int[np.ndarray, "cells"]:
        """Row of the box that each cell of the cloud belongs to, -1 for none."""
        source, cloud = self._source, self._cloud
        if len(cloud.cells) == 0:
            return np.zeros(0, int)
        held = np.stack([self._holds(box, cloud.points, source.support_slack) for box in self._boxes])
        on_plane = np.any([self._on_support(box) for box in self._boxes], axis=0) & ~held.any(0)
        piece = smooth_pieces(cloud, ~on_plane, max_angle=source.max_angle)
        return owners(piece, held, [b.volume for b in self._boxes], max_outside=source.max_outside)

    def _on_support(self, box: Box) -> Bool[np.ndarray, "cells"]:
        points, near = self._cloud.points, box.holds(self._cloud.points, margin=self._source.planes.ring)
        off = ~above(box, self.supports[box.id], points, self._source.support_slack)
        return np.asarray(near & off)


class _Making:
    """Writes the id images of all frames."""

    def __init__(self, source: BoxMasks, scene: Scene, boxes: Sequence[Box]) -> None:
        self._source, self._scene, self._boxes = source, scene, boxes

    def __call__(self, write: Write) -> dict[str, Any]:
        source, scene = self._source, self._scene
        inside = Inside(source, scene, self._boxes)
        frames = {box.id: 0 for box in self._boxes}
        total = len(scene.indices)
        for frame in track(scene.frames(), description="boxes: masks", total=total):
            ids = closed(inside(frame), frame.depth, radius=source.closing_px)
            for number in np.unique(ids[ids > 0]):
                frames[int(number)] += 1
            write(frame.index, ids.astype(np.uint16))
        self._complain([box for box in self._boxes if frames[box.id] == 0])
        planes = {str(i): [f"axis {p.axis} at {p.depth:.3f} m" for p in s] for i, s in inside.supports.items()}
        return {"frames_with_object": {str(i): n for i, n in frames.items()}, "supports": planes}

    def _complain(self, empty: Sequence[Box]) -> None:
        """Boxes without an object, and where the measured points lie. ValueError when no box has one."""
        if not empty:
            return
        extent = _extent(self._scene)
        if len(empty) == len(self._boxes):
            raise ValueError(
                f"{self._scene.root}: no box holds a measured point: these lie within {extent}; boxes are given there,"
                " in metres and +z up (instances.world=capture: in the capture's own coordinates);"
                " 'o2recon boxes' draws them"
            )
        for box in empty:
            place = ", ".join(f"{v:.4g}" for v in box.frame.center)
            told = "box %d (%s), centred at (%s), holds no measured point; these lie within %s: is its place right?"
            log.warning(told, box.id, box.category, place, extent)


def _extent(scene: Scene) -> str:
    """Where the measured points of some frames lie, in words; scene coordinates in metres."""
    frames = scene.frames(scene.indices[:: max(len(scene.indices) // EXTENT_FRAMES, 1)])
    points = np.concatenate([np.zeros((0, 3)), *(world_points(frame)[frame.depth > 0] for frame in frames)])
    if len(points) == 0:
        return "nothing: depth is 0 everywhere"
    sides = zip("xyz", points.min(0), points.max(0), strict=True)
    return ", ".join(f"{axis} {low:.1f} to {high:.1f}" for axis, low, high in sides) + " m"


def closed(
    ids: Int[np.ndarray, "height width"], depth: Float[np.ndarray, "height width"], *, radius: int
) -> Int[np.ndarray, "height width"]:
    """Ids also of pixels without depth: that of the nearest pixel with depth, at most `radius` pixels away."""
    if radius < 1 or not ids.any():
        return ids
    distance, nearest = cv2.distanceTransformWithLabels(
        (depth <= 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = depth > 0
    id_of = np.zeros(int(nearest.max()) + 1, np.int32)
    id_of[nearest[known]] = ids[known]
    return np.where(~known & (distance <= radius), id_of[nearest], ids).astype(np.int32)
