"""Looking through a view: the browser's camera stands where the picture was taken, the picture behind the meshes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from o2recon.types import ViewRecord
from o2recon.web.nodes import CameraNode
from o2recon.web.pictures import picture
from o2recon.web.placing import BACKGROUND
from o2recon.web.standpoints import Look, backdrop, through

if TYPE_CHECKING:
    import viser

_NEAR = 1e-3
_FULL = 10_000
_QUALITY = 90


@dataclass
class _Stand:
    """Where one browser looks through. `arrived`: its camera has reported to stand there."""

    look: Look
    view: ViewRecord
    node: CameraNode
    fov_before: float
    size: tuple[int, int]
    arrived: bool = False


class Looking:
    """Which browsers look through a view. All drawn cameras are hidden meanwhile: they stand in the way."""

    def __init__(self, server: "viser.ViserServer", *, show_cameras: Callable[[bool], None]) -> None:
        self._server, self._show_cameras = server, show_cameras
        self._stands: dict[int, _Stand] = {}

    def begin(self, client: "viser.ClientHandle", view: ViewRecord, node: CameraNode) -> None:
        """Bring the browser's camera to where the view was taken."""
        look = through(view.camera, view.camera_to_world)
        before = self._stands.get(client.client_id)
        fov = client.camera.fov if before is None else before.fov_before
        self._stands[client.client_id] = _Stand(look, view, node, fov, (0, 0))
        with client.atomic():
            client.camera.position = look.position
            client.camera.wxyz = look.wxyz
            client.camera.fov = look.fov
        self._paint(client)
        self._show_cameras(False)

    def moved(self, client: "viser.ClientHandle") -> None:
        """The browser's camera has moved: that ends the look, unless it is the move that brought it there."""
        stand = self._stands.get(client.client_id)
        if stand is None:
            return
        there = bool(np.allclose(client.camera.position, stand.look.position, atol=_NEAR))
        there &= abs(float(np.dot(client.camera.wxyz, stand.look.wxyz))) > 1 - _NEAR**2
        if there:
            stand.arrived = True
            if stand.size != (client.camera.image_width, client.camera.image_height):
                self._paint(client)
        elif stand.arrived:
            self.end(client.client_id)

    def end(self, number: int) -> None:
        """Take the picture away from a browser that looks through a view; its camera stays where it is."""
        stand = self._stands.pop(number, None)
        if stand is None:
            return
        client = self._server.get_clients().get(number)
        if client is not None:
            client.scene.set_background_image(BACKGROUND)
            client.camera.fov = stand.fov_before
        if not self._stands:
            self._show_cameras(True)

    def repaint(self, kind: str) -> None:
        """Show another kind of picture, and keep cameras hidden that were drawn meanwhile."""
        for number, client in self._server.get_clients().items():
            stand = self._stands.get(number)
            if stand is None:
                continue
            self._show_cameras(False)
            if kind not in ("none", stand.node.picture):
                stand.node = replace(stand.node, picture=kind)
                self._paint(client)

    def _paint(self, client: "viser.ClientHandle") -> None:
        stand = self._stands[client.client_id]
        stand.size = (client.camera.image_width, client.camera.image_height)
        kind = "input" if stand.node.picture == "none" else stand.node.picture
        image = picture(replace(stand.node, picture=kind), height=_FULL)
        if image is not None:
            behind = backdrop(image, stand.view.camera, width=stand.size[0], height=stand.size[1])
            client.scene.set_background_image(behind, format="jpeg", jpeg_quality=_QUALITY)
