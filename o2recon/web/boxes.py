"""Boxes that a person draws around objects, and the coloured points that they are drawn in. Knows no browser."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Bool, Float, UInt8

from o2recon.cameras import pixel_centers, unproject
from o2recon.files import written_atomically
from o2recon.instances import read_boxes
from o2recon.progress import track
from o2recon.scene import Scene

FIRST_SIZE = (0.6, 0.6, 0.9)
"""Metres; of a new box."""
LEAST = 0.02
"""Metres; the least side of a box, and what a box that is fitted to its points is wider on every side."""
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
    """All boxes by id, kept in `file`, in the form that objects.boxes takes."""

    file: Path
    boxes: dict[int, DrawnBox] = field(default_factory=dict)

    @classmethod
    def opened(cls, file: Path) -> "Drawn":
        """With the boxes of the file, where there is one. ValueError when it holds none."""
        if not file.is_file():
            return cls(file)
        found = {}
        for box in read_boxes(file, np.eye(4)):
            axis = box.frame.rotation[:, 0]
            yaw = float(np.degrees(np.arctan2(axis[1], axis[0])))
            size = _three(2 * box.frame.half_extents)
            found[box.id] = DrawnBox(box.id, box.category, _three(box.frame.center), size, round(yaw, 2))
        return cls(file, found)

    def add(self, center: tuple[float, float, float]) -> DrawnBox:
        """A new box with the next id."""
        box = DrawnBox(max(self.boxes, default=0) + 1, "object", center, FIRST_SIZE, 0.0)
        self.boxes[box.id] = box
        return box

    def save(self) -> None:
        """Write the file. ValueError when there is no box: an empty list would mean nothing."""
        if not self.boxes:
            raise ValueError("there is no box to save")
        rows = [
            {"id": b.id, "category": b.category, "center": list(b.center), "size": list(b.size), "yaw": b.yaw}
            for _, b in sorted(self.boxes.items())
        ]
        with written_atomically(self.file) as temporary:
            temporary.write_text(yaml.safe_dump(rows, sort_keys=False, default_flow_style=None))


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


def _three(values: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 4) for v in values)
    return x, y, z
