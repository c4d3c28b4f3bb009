"""Boxes that a person draws around objects, and the coloured points that they are drawn in. Knows no browser."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.files import written_atomically
from o2recon.instances import Box, read_boxes
from o2recon.instances.annotations import is_arkit_scenes
from o2recon.instances.categories import read_document
from o2recon.progress import track
from o2recon.scene import Scene

LEAST = 0.02
"""Metres; the least side of a box, and what a box that is fitted to its points is wider on every side."""
LARGEST = 100.0
"""Metres; no side of a box is longer."""
MIN_POINTS = 20


@dataclass(frozen=True)
class DrawnBox:
    """World, metres, +z up; `yaw` in degrees about it."""

    id: int
    category: str
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Its columns are the box's axes."""
        cos, sin = np.cos(np.deg2rad(self.yaw)), np.sin(np.deg2rad(self.yaw))
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])

    def holds(self, points: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, "points"]:
        """Which points lie inside."""
        return np.asarray((np.abs((points - self.center) @ self.rotation) <= np.array(self.size) / 2).all(-1))

    def moved(self, x: float, y: float, yaw: float) -> "DrawnBox":
        """Over another place, turned, at the same height."""
        return replace(self, center=_three(np.array([x, y, self.center[2]])), yaw=_turned(yaw))

    def sized(self, size: Sequence[float]) -> "DrawnBox":
        """With other sides, standing where it stands."""
        wide, deep, high = (min(max(float(s), LEAST), LARGEST) for s in size)
        up = (high - self.size[2]) / 2
        center = np.array([*self.center[:2], self.center[2] + up])
        return replace(self, center=_three(center), size=_three(np.array([wide, deep, high])))

    def pulled(self, axis: int, sign: int, point: Float[np.ndarray, "3"]) -> "DrawnBox":
        """With one face (of `axis` 0, 1 or 2, on its side `sign`) through a point; the face opposite stays."""
        outwards = sign * self.rotation[:, axis]
        size = np.array(self.size)
        length = min(max(float((point - self.center) @ outwards) + size[axis] / 2, LEAST), LARGEST)
        center = self.center + outwards * (length - size[axis]) / 2
        size[axis] = length
        return replace(self, center=_three(center), size=_three(size))

    def fitted(self, points: Float[np.ndarray, "points 3"], *, floor: float | None) -> "DrawnBox":
        """Drawn in to its points above the floor (its lower side may reach below); as it is with too few points."""
        inside = points[self.holds(points)]
        if floor is not None:
            inside = inside[inside[:, 2] > floor + LEAST]
        if len(inside) < MIN_POINTS:
            return self
        local = (inside - self.center) @ self.rotation
        low, high = (np.quantile(local, q, axis=0) for q in (0.002, 0.998))
        low, high = low - LEAST, high + LEAST
        center = self.rotation @ ((low + high) / 2) + self.center
        return replace(self, center=_three(center), size=_three(np.maximum(high - low, LEAST)))


@dataclass
class Drawn:
    """All boxes by id. What is done is written to `file` at once, in the form that objects.boxes takes."""

    file: Path
    boxes: dict[int, DrawnBox] = field(default_factory=dict)
    _before: list[dict[int, DrawnBox]] = field(default_factory=list)
    _done: dict[int, DrawnBox] = field(default_factory=dict)
    _last: str | None = None
    _text: bytes | None = None

    @classmethod
    def opened(cls, file: Path) -> "Drawn":
        """With the boxes of the file, where there is one. ValueError when it holds none."""
        if not file.is_file():
            return cls(file)
        rows = read_document(file)
        if is_arkit_scenes(rows):
            text = f"{file} is an annotation of ARKitScenes, which the page would write over: give objects.boxes={file}"
            raise ValueError(f"{text} to 'o2recon run', and boxes.file another name")
        boxes = {} if rows == [] else {box.id: box for box in _listed(read_boxes(file, np.eye(4)), rows)}
        return cls(file, dict(boxes), [], boxes, None, file.read_bytes())

    def add(self, center: tuple[float, float, float], size: tuple[float, float, float], yaw: float) -> DrawnBox:
        """A new box with the next id."""
        box = DrawnBox(max((*self.boxes, *self._done), default=0) + 1, "object", center, size, yaw)
        self.boxes[box.id] = box
        return box

    def done(self, what: str | None = None) -> bool:
        """Remember the boxes as they are now, for `undo`, and write them. False when nothing was changed.

        Steps in a row with the same `what`, as letters of one name, are undone together. ValueError when something else
        wrote the file since: then ours go to a file beside it, which becomes `file`. OSError when it cannot be written.
        """
        if self.boxes == self._done:
            return False
        if what is None or what != self._last:
            self._before.append(self._done)
        self._done, self._last = dict(self.boxes), what
        self._write()
        return True

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    def undo(self) -> bool:
        """Go back by one step, and write that. False when there is none."""
        if not self._before:
            return False
        self._done = self._before.pop()
        self.boxes, self._last = dict(self._done), None
        self._write()
        return True

    def _write(self) -> None:
        other = self.file
        if other.is_file() and other.read_bytes() != self._text:
            taken = (other.with_name(f"{other.stem}-{k}{other.suffix}") for k in range(2, 10_000))
            self.file = next(file for file in taken if not file.exists())
        rows = [
            {"id": b.id, "category": b.category, "center": list(b.center), "size": list(b.size), "yaw": b.yaw}
            for _, b in sorted(self.boxes.items())
        ]
        is_json = self.file.suffix.lower() == ".json"
        text = json.dumps(rows, indent=1) if is_json else yaml.safe_dump(rows, sort_keys=False, default_flow_style=None)
        with written_atomically(self.file) as temporary:
            temporary.write_bytes(text.encode())
        self._text = text.encode()
        if other != self.file:
            raise ValueError(f"{other} was changed by something else meanwhile: these boxes are in {self.file} now")


def _listed(boxes: Sequence[Box], rows: Any) -> Iterator[DrawnBox]:
    """The boxes as a person wrote them; those that are given otherwise than by center and size as they were read."""
    own = {int(r["id"]): r for r in rows if "center" in r and "size" in r} if isinstance(rows, list) else {}
    for box in boxes:
        frame, row = box.frame, own.get(box.id)
        if row is not None:
            center, size, yaw = np.array(row["center"]), np.array(row["size"]), float(row.get("yaw", 0.0))
        else:
            yaw = float(np.degrees(np.arctan2(frame.rotation[1, 0], frame.rotation[0, 0])))
            center, size = frame.center, 2 * frame.half_extents
        yield DrawnBox(box.id, box.category, _three(center), _three(size), _turned(yaw))


def colored_points(
    scene: Scene, *, max_points: int, max_frames: int
) -> tuple[Float[np.ndarray, "points 3"], UInt8[np.ndarray, "points 3"]]:
    """Points of frames spread over the scan with their colours; without depth the capture's sparse points, grey.

    ValueError when the capture has neither.
    """
    if not scene.has_depth:
        if scene.points is None or len(scene.points) == 0:
            raise ValueError(f"{scene.root} has neither depth nor sparse points to draw boxes in: add depth=network")
        points = scene.points[:: len(scene.points) // max_points + 1]
        return points, np.full(points.shape, 120, np.uint8)
    chosen = scene.indices[:: max(len(scene.indices) // max_frames, 1)]
    parts = list(_measured(scene, chosen, max_points // len(chosen)))
    points, colors = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    return points, colors.astype(np.uint8)


def _measured(scene: Scene, chosen: tuple[int, ...], count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(0)
    for frame in track(scene.frames(chosen), description="boxes: points", total=len(chosen)):
        row, column = np.nonzero(frame.depth > 0)
        pick = generator.choice(len(row), min(count, len(row)), replace=False)
        row, column = row[pick], column[pick]
        at = pixel_centers(frame.camera)[row, column]
        depth = frame.depth[row, column].astype(float)
        yield unproject(frame.camera, frame.camera_to_world, at, depth), frame.color[row, column]


def _turned(yaw: float) -> float:
    """The same angle within -180 and 180 degrees, to a hundredth."""
    return round((yaw + 180) % 360 - 180, 2)


def _three(values: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 4) for v in values)
    return x, y, z
