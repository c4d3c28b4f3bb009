"""`o2recon boxes`: a page on which boxes are drawn around the objects of a scan."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.web.box_panel import BoxPanel
from o2recon.web.box_shapes import BoxShape, Handles
from o2recon.web.boxes import Drawn, DrawnBox
from o2recon.web.picking import box_around, hit
from o2recon.web.placing import BACKGROUND
from o2recon.web.standpoints import FIRST_FOV, in_front

if TYPE_CHECKING:
    import viser

CEILING = 2.2
"""Metres above the floor from which points are hidden at first."""


class BoxPage:
    """One server's page: the points, the boxes, the panel. viser calls from many threads: a lock makes them take turns.

    `command`: a file of boxes -> the command that uses it.
    """

    def __init__(
        self,
        server: "viser.ViserServer",
        drawn: Drawn,
        points: Float[np.ndarray, "points 3"],
        colors: UInt8[np.ndarray, "points 3"],
        *,
        floor: float | None,
        point_m: float,
        command: Callable[[Path], str],
    ) -> None:
        self.server, self.drawn, self.points, self.floor, self.command = server, drawn, points, floor, command
        self.chosen: int | None = next(iter(sorted(drawn.boxes)), None)
        self.adding = False
        self.problem = ""
        self._lock = threading.RLock()
        self._shapes: dict[int, BoxShape] = {}
        self._show_points(colors, point_m)
        self._handles = Handles(server, self._dragged)
        self.panel = BoxPanel(server, self)
        self._start()
        self._show()
        server.scene.on_click()(self.clicked)
        server.on_client_disconnect(self._left)

    def add(self) -> None:
        """Wait for a click on an object; asked again, wait no longer."""
        with self._lock:
            self.adding = not self.adding
            self._show()

    def place(self, point: Float[np.ndarray, "3"]) -> DrawnBox:
        """A new box around what stands at a point."""
        with self._lock:
            center, size, yaw = box_around(self.points[self._shown()], point, floor=self.floor)
            x, y, z = (round(float(v), 3) for v in center)
            wide, deep, high = (round(float(v), 3) for v in size)
            box = self.drawn.add((x, y, z), (wide, deep, high), round(yaw, 1))
            self.chosen = box.id
            self.adding = False
            self._done()
            return box

    def clicked(self, event: Any) -> None:
        """A click on the scan: a new box while one is waited for, else the smallest box around that point is chosen."""
        origin, direction = np.array(event.ray_origin, float), np.array(event.ray_direction, float)
        if self.adding:
            self._place_on(origin, direction)
            return
        with self._lock:
            point = hit(self.points[self._shown()], origin, direction)
            around = [] if point is None else [b for b in self.drawn.boxes.values() if b.holds(point[None]).all()]
            if around:
                self.choose(min(around, key=lambda box: np.prod(box.size)).id)

    def place_ahead(self, client: "viser.ClientHandle | None") -> None:
        """A new box around what is in the middle of a browser's picture; touch screens report no clicks to viser."""
        if client is not None:
            self._place_on(client.camera.position, client.camera.look_at - client.camera.position)

    def choose(self, number: int) -> None:
        """Show the handles and fields of a box."""
        with self._lock:
            if number in self.drawn.boxes and not self.adding:
                self.chosen = number
                self._show()

    def change(self, what: str, change: Callable[[DrawnBox], DrawnBox]) -> None:
        """Change the chosen box; changes in a row with the same `what` are one step for undo."""
        with self._lock:
            if self.chosen in self.drawn.boxes:
                self.drawn.boxes[self.chosen] = change(self.drawn.boxes[self.chosen])
                self._done(f"{what} of {self.chosen}")

    def rename(self, name: str) -> None:
        """Give the chosen box a name."""
        self.change("name", lambda box: replace(box, category=name.strip() or "object"))

    def turn(self, degrees: float) -> None:
        """Turn the chosen box about its middle."""
        if np.isfinite(degrees):
            self.change("turn", lambda box: box.moved(*box.center[:2], degrees))

    def resize(self, size: Sequence[float]) -> None:
        """Give the chosen box other sides, metres; it stays where it stands."""
        if np.isfinite(size).all():
            self.change("size", lambda box: box.sized(size))

    def fit(self) -> None:
        """Draw the chosen box in to the points inside."""
        self.change("fit", lambda box: box.fitted(self.points, floor=self.floor))

    def remove(self) -> None:
        """Take the chosen box away."""
        with self._lock:
            if self.drawn.boxes.pop(self.chosen or 0, None) is not None:
                self._done()

    def undo(self) -> None:
        """Go back by one step."""
        with self._lock:
            self.adding = False
            self._written(self.drawn.undo)

    def frame(self, client: "viser.ClientHandle | None") -> None:
        """Bring the chosen box in front of a browser's camera, seen from where that is; None: the browser is gone."""
        with self._lock:
            box = self.drawn.boxes.get(self.chosen or 0)
            if client is None or box is None:
                return
            bounds = np.array([np.array(box.center) - np.array(box.size), np.array(box.center) + np.array(box.size)])
            offset = client.camera.position - bounds.mean(0)
            with client.atomic():
                client.camera.up_direction = (0.0, 0.0, 1.0)
                found = in_front(bounds, float(np.arctan2(offset[1], offset[0])), client.camera.fov)
                client.camera.position, client.camera.look_at = found

    def show_high(self, everything: bool) -> None:
        """Show or hide what is high above the floor."""
        self._high.visible = everything

    @property
    def has_ceiling(self) -> bool:
        """Whether points are high above the floor."""
        return bool(self._is_high.any())

    @property
    def next(self) -> str:
        """The command that uses the boxes."""
        return self.command(self.drawn.file)

    def _start(self) -> None:
        camera = self.server.initial_camera
        camera.fov = FIRST_FOV
        camera.position, camera.look_at = in_front(self._bounds(), -np.pi / 2, FIRST_FOV)

    def _bounds(self) -> Float[np.ndarray, "2 3"]:
        low, high = np.quantile(self.points[~self._is_high], [0.05, 0.95], axis=0)
        return np.stack([low, high])

    def _show_points(self, colors: UInt8[np.ndarray, "points 3"], size: float) -> None:
        scene = self.server.scene
        scene.set_up_direction("+z")
        scene.set_background_image(BACKGROUND)
        self._is_high = np.zeros(len(self.points), bool)
        if self.floor is not None:
            self._is_high = self.points[:, 2] > self.floor + CEILING
            self._is_high &= not self._is_high.all()
        self._high: Any = None
        for name, part in (("/points", ~self._is_high), ("/high", self._is_high)):
            if part.any():
                points = self.points[part].astype(np.float32)
                self._high = scene.add_point_cloud(name, points, colors[part], point_size=size, precision="float32")
        self._high.visible = not self.has_ceiling

    def _shown(self) -> Any:
        return np.ones(len(self.points), bool) if self._high.visible else ~self._is_high

    def _place_on(self, origin: Float[np.ndarray, "3"], direction: Float[np.ndarray, "3"]) -> None:
        with self._lock:
            point = hit(self.points[self._shown()], origin, direction) if self.adding else None
            if point is not None:
                self.place(point)
            elif self.adding:
                self.panel.ask("<b>There is no point of the scan.</b> Click on an object in the picture.")

    def _left(self, _: Any) -> None:
        """Wait for no click when nobody is there."""
        with self._lock:
            if self.adding and not self.server.get_clients():
                self.adding = False
                self._show()

    def _dragged(self, box: DrawnBox, over: bool) -> None:
        with self._lock:
            if box.id not in self.drawn.boxes:
                return
            self.drawn.boxes[box.id] = box
            if over:
                self._done()
            else:
                self._show(dragging=True)

    def _done(self, what: str | None = None) -> None:
        self._written(lambda: self.drawn.done(what))

    def _written(self, write: Callable[[], Any]) -> None:
        self.problem = ""
        try:
            write()
        except (ValueError, OSError) as error:
            self.problem = str(error)
        self._show()

    def _show(self, *, dragging: bool = False) -> None:
        """Make everything say what is so now; points are not counted anew while the hand still moves."""
        boxes = self.drawn.boxes
        if self.chosen not in boxes:
            self.chosen = max(boxes, default=None)
        for number in [n for n in self._shapes if n not in boxes]:
            self._shapes.pop(number).remove()
        for number, each in boxes.items():
            if number not in self._shapes:
                self._shapes[number] = BoxShape(self.server, each)
            self._shapes[number].show(each, chosen=number == self.chosen)
        box = boxes.get(self.chosen or 0)
        self._handles.show(None if self.adding else box)
        self.panel.show(box)
        if box is not None and not dragging:
            self.panel.count(int(box.holds(self.points).sum()))
