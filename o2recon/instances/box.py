"""Boxes around objects, as people list them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from o2recon.instances.annotations import arkit_scenes_boxes, is_arkit_scenes
from o2recon.instances.categories import LONGEST, read_document
from o2recon.instances.scene import LARGEST_ID
from o2recon.transforms import box_of
from o2recon.types import ObjectFrame

KEYS = {"id", "category", "center", "size", "yaw", "corners"}
SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
FORM = "write {id: 1, category: chair, center: [x, y, z], size: [x, y, z], yaw: degrees} or give 2 or 8 corners"


@dataclass(frozen=True)
class Box:
    """One listed object; `frame` is its upright box in the world, metres."""

    id: int
    category: str
    frame: ObjectFrame

    def local(self, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """World points along the box's axes, metres from its centre."""
        return (points - self.frame.center) @ self.frame.rotation

    def holds(self, points: Float[np.ndarray, "*shape 3"], *, margin: float) -> Bool[np.ndarray, "*shape"]:
        """True in the box grown by `margin` metres."""
        return (np.abs(self.local(points)) <= self.frame.half_extents + margin).all(-1)

    @property
    def corners(self) -> Float[np.ndarray, "8 3"]:
        return SIGNS * self.frame.half_extents @ self.frame.rotation.T + self.frame.center

    @property
    def volume(self) -> float:
        return 8 * float(np.prod(self.frame.half_extents))


def read_boxes(
    boxes: str | Path | Sequence[Any] | Mapping[Any, Any], to_world: Float[np.ndarray, "4 4"]
) -> tuple[Box, ...]:
    """Boxes from a YAML or JSON file, or the list itself, by id.

    A list of {id, category, center, size, yaw (degrees about the up axis, 0 when left out)} or of {id, category,
    corners} with two opposite corners or all eight; also under `boxes:` or `objects:`, or as a mapping by id; or an
    annotation of ARKitScenes.
    `to_world`: similarity from the coordinates of the list to the world. ValueError, one line, for anything else.
    """
    source = "objects.boxes"
    if isinstance(boxes, (str, Path)):
        source, boxes = str(boxes), read_document(Path(boxes))
    if isinstance(boxes, Mapping) and is_arkit_scenes(boxes):
        boxes = arkit_scenes_boxes(boxes, source)
    if isinstance(boxes, Mapping):
        inner = next((boxes[k] for k in ("boxes", "objects") if isinstance(boxes.get(k), (list, Mapping))), boxes)
        boxes = (
            [{"id": k, **v} if isinstance(v, Mapping) else v for k, v in inner.items()]
            if isinstance(inner, Mapping)
            else inner
        )
    if not isinstance(boxes, Sequence) or isinstance(boxes, (str, bytes)) or not boxes:
        raise ValueError(f"{source} holds no list of boxes: {FORM}")
    found = [_box(f"{source}, box {k}", row, to_world) for k, row in enumerate(boxes, start=1)]
    ids = [box.id for box in found]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise ValueError(f"{source} gives id {twice[0]} to two boxes: every object needs an id of its own")
    return tuple(sorted(found, key=lambda box: box.id))


def _box(source: str, row: Any, to_world: np.ndarray) -> Box:
    if not isinstance(row, Mapping):
        raise ValueError(f"{source} is no box: {FORM}")
    if unknown := sorted(str(k) for k in set(row) - KEYS):
        raise ValueError(f"{source} has the key {_shown(unknown[0])}: {FORM}")
    number = row.get("id")
    if isinstance(number, str) and number.isdecimal() and len(number) < 9:
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= LARGEST_ID:
        raise ValueError(f"{source} has the id {_shown(row.get('id'))}: give a number from 1 to {LARGEST_ID}")
    if "corners" in row:
        corners = _numbers(f"{source}, corners", row["corners"], ((2, 3), (8, 3)))
        if len(corners) == 2:
            corners = corners.mean(0) + SIGNS * np.ptp(corners, axis=0) / 2
    else:
        center, size = (_numbers(f"{source}, {key}", row.get(key), ((3,),)) for key in ("center", "size"))
        yaw = float(_numbers(f"{source}, yaw", row.get("yaw", 0.0), ((),)))
        corners = center + (SIGNS * size / 2) @ _turn(_up_axis(to_world), yaw).T
    world = corners @ to_world[:3, :3].T + to_world[:3, 3]
    frame = box_of(world)
    if frame.half_extents.min() < 2e-3:
        raise ValueError(f"{source} is flat: every side needs a length above 4 mm")
    return Box(number, str(row.get("category") or "object")[:LONGEST], frame)


def _numbers(source: str, value: Any, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    found = np.full((0,), np.nan)
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if len(rows) <= 8 and all(_is_row(row) for row in rows):
        with suppress(TypeError, ValueError, OverflowError):
            found = np.array(value, float)
    if found.shape not in shapes or not np.isfinite(found).all() or np.abs(found).max() > 1e6:
        wanted = " or ".join(" x ".join(map(str, s)) + " finite numbers" if s else "a finite number" for s in shapes)
        raise ValueError(f"{source} is {_shown(value)}: it must be {wanted}")
    return found


def _is_row(row: Any) -> bool:
    """A number, or a few of them: nothing that grows when it becomes an array."""
    return isinstance(row, (int, float)) or (
        isinstance(row, Sequence) and len(row) <= 3 and all(isinstance(v, (int, float)) for v in row)
    )


def _shown(value: Any) -> str:
    """A value in a message, not too long. Lists may hold themselves, and numbers have thousands of digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "too long to show"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _up_axis(to_world: np.ndarray) -> np.ndarray:
    """The axis of the list's coordinates that comes nearest to up, with its sign."""
    up = to_world[2, :3]
    axis = np.zeros(3)
    axis[np.abs(up).argmax()] = np.sign(up[np.abs(up).argmax()])
    return axis


def _turn(axis: np.ndarray, degrees: float) -> np.ndarray:
    """Rotation about a coordinate axis."""
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
