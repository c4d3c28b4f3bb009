"""The page of one study: joins the panel, the scene and the browser's cameras."""

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from o2recon.web.controls import Controls
from o2recon.web.looking import Looking
from o2recon.web.nodes import CameraNode, Node, selected_run, shown_nodes, view_record
from o2recon.web.placing import Drawing, Placing
from o2recon.web.selection import Selection, first_selection, fitted
from o2recon.web.standpoints import FIRST_FOV, azimuth_of, bounds_of, in_front
from o2recon.web.study import Study, open_study, state_of

if TYPE_CHECKING:
    import viser

_LOG = logging.getLogger(__name__)

_ROOM = np.array([[-2.0, -2.0, 0.0], [2.0, 2.0, 2.0]])
"""Metres; shown while nothing is known about where the objects are."""


class Page:
    """Everything that one server shows. viser calls from many threads: one lock makes them take turns."""

    def __init__(self, server: "viser.ViserServer", study: Study, drawing: Drawing) -> None:
        self._server, self._study, self._drawing = server, study, drawing
        self._state = state_of(study.folder)
        self._lock = threading.RLock()
        self._placing = Placing(server, drawing, on_object=self._choose, on_camera=self._look_through)
        self._looking = Looking(server, show_cameras=self._placing.show_cameras)
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
        with self._lock:
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
            self._looking.repaint(selection.picture)
            self._controls.write(self._study, selection, error_range_cm=self._drawing.error_range_cm)

    def _changed(self) -> None:
        with self._lock:
            before = self.selection
            self._apply(self._controls.read(self._study))
            if self.selection.scene != before.scene:
                for client in self._server.get_clients().values():
                    self._frame(None, client)
            elif self.selection.object != before.object:
                for number in self._server.get_clients():
                    self._looking.end(number)

    def _choose(self, object_id: str) -> None:
        with self._lock:
            self._apply(fitted(replace(self.selection, object=object_id), self._study))

    def _frame(self, object_id: str | None, client: "viser.ClientHandle | None") -> None:
        """Bring an object, or the whole scene, in front of the browser's camera; None: the browser is gone."""
        if client is None:
            return
        with self._lock:
            self._looking.end(client.client_id)
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

    def _look_through(self, node: CameraNode, client: "viser.ClientHandle | None") -> None:
        with self._lock:
            view = view_record(self._study, self.selection, node.index)
            if view is not None and client is not None:
                self._looking.begin(client, view, node)

    def _welcome(self, client: "viser.ClientHandle") -> None:
        def moved(_: object) -> None:
            with self._lock:
                self._looking.moved(client)

        client.camera.on_update(moved)

    def _forget(self, client: "viser.ClientHandle") -> None:
        with self._lock:
            self._looking.end(client.client_id)
