"""`o2recon boxes`: a page on which boxes are drawn around the objects of a scan."""

import contextlib
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from o2recon.scene import Scene
from o2recon.web.boxes import LEAST, Drawn, DrawnBox, colored_points
from o2recon.web.viewer import free_port, running

if TYPE_CHECKING:
    import viser

COLORS = ((230, 80, 60), (60, 140, 230), (70, 180, 90), (230, 170, 40), (160, 90, 210), (40, 190, 190))


class BoxPage:
    """One server's page: the points, and for every box a handle to move it and a folder of fields."""

    def __init__(
        self,
        server: "viser.ViserServer",
        drawn: Drawn,
        points: Float[np.ndarray, "points 3"],
        colors: UInt8[np.ndarray, "points 3"],
        *,
        floor: float | None,
        point_m: float,
    ) -> None:
        self.server, self.drawn, self.points, self.floor = server, drawn, points, floor
        self.parts: dict[int, list[Any]] = {}
        server.scene.set_up_direction("+z")
        server.scene.add_point_cloud("/points", points.astype(np.float32), colors, point_size=point_m)
        server.initial_camera.look_at = np.median(points, 0)
        server.initial_camera.position = np.median(points, 0) + np.array([0.0, -3.0, 3.0])
        server.gui.add_button("New box").on_click(self._added)
        server.gui.add_button("Save").on_click(lambda _: self.save())
        self.told = server.gui.add_markdown("")
        for box in drawn.boxes.values():
            self.show(box)

    def add(self, center: Float[np.ndarray, "3"]) -> DrawnBox:
        """A new box around a point."""
        x, y, z = (round(float(v), 3) for v in center)
        box = self.drawn.add((x, y, z))
        self.show(box)
        return box

    def change(self, number: int, **values: Any) -> None:
        """Give a box another name, place, size or turn."""
        box = replace(self.drawn.boxes[number], **values)
        self.drawn.boxes[number] = replace(box, size=tuple(max(float(s), LEAST) for s in box.size))  # type: ignore[arg-type]
        self._place(number)

    def fit(self, number: int) -> None:
        """Draw a box in to the points inside."""
        self.drawn.boxes[number] = self.drawn.boxes[number].fitted(self.points, floor=self.floor)
        self.show(self.drawn.boxes[number])

    def remove(self, number: int) -> None:
        """Take a box away."""
        del self.drawn.boxes[number]
        for part in self.parts.pop(number):
            part.remove()

    def save(self) -> None:
        """Write the file and show how to go on; what is wrong is shown too."""
        try:
            self.drawn.save()
        except (ValueError, OSError) as error:
            self.told.content = f"**Not saved:** {error}"
            return
        self.told.content = f"Saved. `o2recon run ... objects.boxes={shlex.quote(str(self.drawn.file))}`"

    def show(self, box: DrawnBox) -> None:
        """Draw a box and its fields anew."""
        for part in self.parts.pop(box.id, []):
            part.remove()
        scene, gui, number = self.server.scene, self.server.gui, box.id
        handle = scene.add_transform_controls(
            f"/boxes/{number}",
            scale=0.4,
            position=np.array(box.center),
            wxyz=_quaternion(box.yaw),
            disable_rotations=True,
        )
        color = COLORS[number % len(COLORS)]
        shape = scene.add_box(f"/boxes/{number}/box", color, box.size, wireframe=True)
        name = scene.add_label(f"/boxes/{number}/name", f"{number} {box.category}")
        folder = gui.add_folder(f"Box {number}")
        with folder:
            category = gui.add_text("category", box.category)
            size = gui.add_vector3("size (m)", box.size, step=0.01)
            yaw = gui.add_slider("yaw (degrees)", -180.0, 180.0, 1.0, min(max(box.yaw, -180.0), 180.0))
            fit, remove = gui.add_button("Fit to points"), gui.add_button("Remove")
        handle.on_update(lambda _: self.change(number, center=tuple(round(float(v), 4) for v in handle.position)))
        category.on_update(lambda _: self.change(number, category=category.value.strip() or "object"))
        size.on_update(lambda _: self.change(number, size=size.value))
        yaw.on_update(lambda _: self.change(number, yaw=float(yaw.value)))
        fit.on_click(lambda _: self.fit(number))
        remove.on_click(lambda _: self.remove(number))
        self.parts[number] = [folder, name, shape, handle]

    def _place(self, number: int) -> None:
        """Move what is drawn to where the box is."""
        box, (_, name, shape, handle) = self.drawn.boxes[number], self.parts[number]
        handle.wxyz = _quaternion(box.yaw)
        shape.dimensions, name.text = box.size, f"{number} {box.category}"

    def _added(self, event: Any) -> None:
        client = getattr(event, "client", None)
        self.add(np.median(self.points, 0) if client is None else client.camera.look_at)


class BoxDrawing:
    """Serves the page of one scan. `file`: what is drawn, in the form that objects.boxes takes; None:
    `<work>/<scene>/boxes.yaml`. `max_points` of at most `max_frames` frames are shown, `point_m` metres large."""

    def __init__(
        self, *, file: str | Path | None, host: str, port: int, max_points: int, max_frames: int, point_m: float
    ) -> None:
        if min(max_points, max_frames) < 1 or point_m <= 0:
            raise ValueError("boxes.max_points, boxes.max_frames and boxes.point_m have to be above 0")
        self.file, self.host, self.port = file, host, port
        self.max_points, self.max_frames, self.point_m = max_points, max_frames, point_m

    def __call__(self, scene: Scene, work: Path) -> None:
        """Serve until Ctrl-C. ValueError without points to draw in or a free port; ImportError without viser."""
        with contextlib.suppress(KeyboardInterrupt), self.opened(scene, work) as (url, page):
            print(f"boxes: {url}  (Ctrl-C ends; Save writes {page.drawn.file})", flush=True)
            while True:
                time.sleep(3600)

    @contextlib.contextmanager
    def opened(self, scene: Scene, work: Path) -> Iterator[tuple[str, BoxPage]]:
        """The page while the block runs."""
        drawn = Drawn.opened(Path(self.file) if self.file is not None else work / scene.name / "boxes.yaml")
        points, colors = colored_points(scene, max_points=self.max_points, max_frames=self.max_frames)
        port = free_port(self.host, self.port)
        with running(self.host, port, scene.name) as (server, url):
            page = BoxPage(server, drawn, points, colors, floor=scene.floor_height(), point_m=self.point_m)
            yield url, page


def _quaternion(yaw: float) -> Float[np.ndarray, "4"]:
    """(w, x, y, z) of a turn about +z, degrees."""
    half = np.deg2rad(yaw) / 2
    return np.array([np.cos(half), 0, 0, np.sin(half)])
