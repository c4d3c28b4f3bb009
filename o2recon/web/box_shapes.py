"""How boxes look in viser's scene: edges, tinted sides and a name for each, and handles for the chosen one."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from o2recon.web.boxes import DrawnBox

if TYPE_CHECKING:
    import viser

COLORS = ((230, 80, 60), (60, 140, 230), (70, 180, 90), (200, 130, 20), (160, 90, 210), (20, 160, 160))
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1])
_ARROW, _RING = 70.0, 95.0
"""Pixels."""
_FACES = [(axis, sign) for axis in range(3) for sign in (-1, 1)]
_TURNS = {0: (0.0, 0.0, 0.0, 1.0), 1: (0.0, 0.0, 0.0, 1.0), 2: (0.0, 1.0, 0.0, 0.0)}
"""(w, x, y, z) of half a turn that points the arrow of an axis the other way."""


class BoxShape:
    """One box."""

    def __init__(self, server: "viser.ViserServer", box: DrawnBox) -> None:
        scene, name = server.scene, f"/boxes/{box.id}"
        self._color = np.array(COLORS[box.id % len(COLORS)], np.uint8)
        self._root = scene.add_frame(name, show_axes=False)
        self._edges = scene.add_line_segments(
            f"{name}/edges", _segments(box), self._color, thickness=2.0, thickness_units="screen"
        )
        self._sides = scene.add_box(
            f"{name}/sides", COLORS[box.id % len(COLORS)], opacity=0.1, side="double", cast_shadow=False
        )
        self._name = scene.add_label(f"{name}/name", "", anchor="bottom-center")

    def show(self, box: DrawnBox, *, chosen: bool) -> None:
        """Draw it where it is now."""
        self._root.position, self._root.wxyz = np.array(box.center), quaternion(box.yaw)
        self._edges.points, self._edges.thickness = _segments(box), 4.0 if chosen else 2.0
        self._sides.dimensions, self._sides.opacity = box.size, 0.16 if chosen else 0.06
        self._name.text, self._name.position = title(box), np.array([0, 0, box.size[2] / 2])

    def remove(self) -> None:
        self._root.remove()


class Handles:
    """What the chosen box is dragged by: an arrow out of every face; a square to move and a ring to turn.

    `on_drag` is called with the box as it was dragged, and whether the drag is over.
    """

    def __init__(self, server: "viser.ViserServer", on_drag: Callable[[DrawnBox, bool], None]) -> None:
        self._on_drag = on_drag
        self._box: DrawnBox | None = None
        self._held: Any = None
        fixed: dict[str, Any] = {"fixed": True, "depth_test": False, "visible": False}
        add = server.scene.add_transform_controls
        self._move = add(
            "/handles/move", _RING, active_axes=(True, True, False), disable_axes=True, line_width=5.0, **fixed
        )
        self._move.on_update(self._moved)
        self._arrows = {}
        for axis, sign in _FACES:
            one: dict[str, Any] = {"disable_sliders": True, "disable_rotations": True, **fixed}
            active = (axis == 0, axis == 1, axis == 2)
            arrow = add(f"/handles/{axis}{'-+'[sign > 0]}", _ARROW, active_axes=active, line_width=4.0, **one)
            arrow.on_update(partial(self._pulled, axis, sign))
            self._arrows[axis, sign] = arrow

    def show(self, box: DrawnBox | None) -> None:
        """Put them on a box; None hides them. What is being dragged stays where the hand is."""
        self._box = box
        for handle in (self._move, *self._arrows.values()):
            handle.visible = box is not None
        if box is None:
            return
        turn = quaternion(box.yaw)
        for (axis, sign), arrow in self._arrows.items():
            if arrow is not self._held:
                arrow.wxyz = turn if sign > 0 else product(turn, np.array(_TURNS[axis]))
                arrow.position = np.array(box.center) + sign * box.rotation[:, axis] * box.size[axis] / 2
        if self._move is not self._held:
            self._move.wxyz = turn
            self._move.position = np.array([*box.center[:2], box.center[2] - box.size[2] / 2])

    def _moved(self, event: Any) -> None:
        w, z = self._move.wxyz[[0, 3]]
        x, y = self._move.position[:2]
        yaw = float(np.degrees(2 * np.arctan2(z, w)))
        self._dragged(event, lambda box: box.moved(float(x), float(y), yaw))

    def _pulled(self, axis: int, sign: int, event: Any) -> None:
        point = np.array(event.target.position)
        self._dragged(event, lambda box: box.pulled(axis, sign, point))

    def _dragged(self, event: Any, change: Callable[[DrawnBox], DrawnBox]) -> None:
        box, over = self._box, event.phase == "end"
        if box is None or not np.isfinite([*event.target.position, *event.target.wxyz]).all():
            return
        self._held = None if over else event.target
        self._on_drag(box if event.phase == "start" else change(box), over)


def title(box: DrawnBox) -> str:
    """Number and name."""
    return f"{box.id} {box.category}"


def quaternion(yaw: float) -> Float[np.ndarray, "4"]:
    """(w, x, y, z) of a turn about +z, degrees."""
    half = np.deg2rad(yaw) / 2
    return np.array([np.cos(half), 0, 0, np.sin(half)])


def product(a: Float[np.ndarray, "4"], b: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
    """Quaternion of turn b, then a."""
    real = a[0] * b[0] - a[1:] @ b[1:]
    return np.array([real, *(a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:]))])


def _segments(box: DrawnBox) -> Float[np.ndarray, "12 2 3"]:
    return (_CORNERS * box.size)[_EDGES].astype(np.float32)
