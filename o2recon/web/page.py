"""The page of one study: joins the panel, the scene and the browser's cameras."""

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from o2recon.types import ViewRecord
from o2recon.web.controls import Controls
from o2recon.web.looks import FIRST_FOV, Look, azimuth_of, backdrop, bounds_of, in_front, through
from o2recon.web.nodes import CameraNode, Node, selected_run, shown_nodes, view_record
from o2recon.web.pictures import picture
from o2recon.web.placing import BACKGROUND, Drawing, Placing
from o2recon.web.selection import Selection, first_selection, fitted
from o2recon.web.study import Study, open_study, stamp, state_of

if TYPE_CHECKING:
    import viser

_LOG = logging.getLogger(__name__)

_NEAR = 1e-3
_FULL = 10_000
_ROOM = np.array([[-2.0, -2.0, 0.0], [2.0, 2.0, 2.0]])
"""Metres; shown while nothing is known about where the objects are."""


@dataclass
class _Looking:
    """A browser that looks through a view. `arrived`: its camera has reported to stand there."""

    look: Look
    view: ViewRecord
    fov_before: float
    size: tuple[int, int]
    arrived: bool = False


class Page:
    """Everything that one server shows. viser calls from many threads: one lock makes them take turns."""

    def __init__(self, server: "viser.ViserServer", study: Study, drawing: Drawing) -> None:
        self._server, self._study, self._drawing = server, study, drawing
        self._state = state_of(study.folder)
        self._lock = threading.RLock()
        self._looking: dict[int, _Looking] = {}
        self._placing = Placing(server, drawing, on_object=self._choose, on_camera=self._look_through)
        self._controls = Controls(server, first_selection(study), on_change=self._changed, on_frame=self._frame)
        self._apply(self._controls.selection)
        server.initial_camera.fov = FIRST_FOV
        server.initial_camera.position, server.initial_camera.look_at = self._standpoint(None, FIRST_FOV)
        server.on_client_connect(self._welcome)
        server.on_client_disconnect(self._forget)

    @property
    def selection(self) -> Selection:
        return self._controls.selection

    @property
    def nodes(self) -> dict[str, Node]:
        """What is shown now, by its name in the scene tree."""
        return self._placing.nodes

    def refresh(self) -> bool:
        """Look for new results. True when there were any."""
        state = state_of(self._study.folder)
        if state == self._state:
            return False
        with self._lock:
            try:
                self._study = open_study(self._study.folder, self._study.work_dir)
            except ValueError as problem:  # the study was emptied while it is shown
                _LOG.warning("%s", problem)
                return False
            self._state = state
            self._apply(fitted(self.selection, self._study))
        return True

    def _apply(self, selection: Selection) -> None:
        with self._lock:
            run = selected_run(self._study, selection)
            record = None if run is None else self._study.record(run)
            views = {} if record is None else {view.index: view for view in record.views}
            self._controls.say("loading ...")
            self._placing.show(shown_nodes(self._study, selection), views)
            if self._looking:
                self._placing.show_cameras(False)
            self._controls.write(self._study, selection, error_range_cm=self._drawing.error_range_cm)

    def _changed(self) -> None:
        with self._lock:
            before = self.selection
            self._apply(self._controls.read(self._study))
            if self.selection.scene != before.scene:
                for client in self._server.get_clients().values():
                    self._frame(None, client)
            elif self.selection.object != before.object:
                for number in list(self._looking):
                    self._leave(number)

    def _choose(self, object_id: str) -> None:
        with self._lock:
            self._apply(fitted(replace(self.selection, object=object_id), self._study))

    def _frame(self, object_id: str | None, client: "viser.ClientHandle | None") -> None:
        """Bring an object, or the whole scene, in front of the browser's camera; None: the browser is gone."""
        if client is None:
            return
        with self._lock:
            self._leave(client.client_id)
            position, look_at = self._standpoint(object_id, client.camera.fov)
            with client.atomic():
                client.camera.up_direction = (0.0, 0.0, 1.0)
                client.camera.position = position
                client.camera.look_at = look_at

    def _standpoint(self, object_id: str | None, fov: float) -> tuple[np.ndarray, np.ndarray]:
        """Where to stand and look for an object of this scene, or for all of them."""
        runs = self._study.runs_of(self.selection.scene, self.selection.method)
        wanted = [run for run in runs if object_id in (None, run.object)]
        records = [r for run in wanted if (r := self._study.record(run)) is not None]
        if not records:
            return in_front(_ROOM, -np.pi / 2, fov)
        boxes = np.array([bounds_of(r) for r in records])
        return in_front(np.stack([boxes[:, 0].min(0), boxes[:, 1].max(0)]), azimuth_of(records[0]), fov)

    def _look_through(self, index: int, client: "viser.ClientHandle | None") -> None:
        with self._lock:
            view = view_record(self._study, self.selection, index)
            if view is None or client is None:
                return
            look = through(view.camera, view.camera_to_world)
            before = self._looking.get(client.client_id)
            fov = client.camera.fov if before is None else before.fov_before
            self._looking[client.client_id] = _Looking(look, view, fov, (0, 0))
            with client.atomic():
                client.camera.position = look.position
                client.camera.wxyz = look.wxyz
                client.camera.fov = look.fov
            self._put_backdrop(client)
            self._placing.show_cameras(False)

    def _put_backdrop(self, client: "viser.ClientHandle") -> None:
        looking = self._looking[client.client_id]
        looking.size = (client.camera.image_width, client.camera.image_height)
        run = selected_run(self._study, self.selection)
        assert run is not None
        kind = "input" if self.selection.picture == "none" else self.selection.picture
        folder = self._study.prepared(run).path
        node = CameraNode(folder, stamp(folder / "object.json"), looking.view.index, looking.view.held_out, kind)
        image = picture(node, height=_FULL)
        if image is not None:
            width, height = looking.size
            client.scene.set_background_image(
                backdrop(image, looking.view.camera, width=width, height=height), format="jpeg", jpeg_quality=90
            )

    def _welcome(self, client: "viser.ClientHandle") -> None:
        client.camera.on_update(lambda _: self._moved(client))

    def _moved(self, client: "viser.ClientHandle") -> None:
        """The browser's camera has moved: a look through a view ends, unless it is the move that brought it there."""
        with self._lock:
            looking = self._looking.get(client.client_id)
            if looking is None:
                return
            there = np.allclose(client.camera.position, looking.look.position, atol=_NEAR)
            there &= abs(float(np.dot(client.camera.wxyz, looking.look.wxyz))) > 1 - _NEAR**2
            if not there:
                if looking.arrived:
                    self._leave(client.client_id)
                return
            looking.arrived = True
            if looking.size != (client.camera.image_width, client.camera.image_height):
                self._put_backdrop(client)

    def _leave(self, number: int) -> None:
        """End the look of a browser through a view."""
        looking = self._looking.pop(number, None)
        client = self._server.get_clients().get(number)
        if looking is None:
            return
        if client is not None:
            client.scene.set_background_image(BACKGROUND)
            client.camera.fov = looking.fov_before
        if not self._looking:
            self._placing.show_cameras(True)

    def _forget(self, client: "viser.ClientHandle") -> None:
        with self._lock:
            self._leave(client.client_id)
