"""Descriptions of nodes -> what viser draws. Sends only what changed, and takes away what is no longer shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from o2recon.report.colors import rgb
from o2recon.types import ViewRecord
from o2recon.web.nodes import CameraNode, GridNode, HiddenNode, LabelNode, MeshNode, Node, TruthNode
from o2recon.web.pictures import picture
from o2recon.web.shapes import Shape, hidden_points, mesh_shape, truth_shape
from o2recon.web.standpoints import through

if TYPE_CHECKING:
    import viser

USED, HELD_OUT = "#2d6a8f", "#e07b00"
"""Cameras whose picture was used, and those kept for checking."""
HIDDEN = "#1b1b1b"
BACKGROUND = np.full((2, 2, 3), (226, 230, 234), np.uint8)
"""Not white, so that pale surfaces stand out."""
_Y_UP_TO_Z_UP = (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)
_POINT_M = 0.006


@dataclass(frozen=True)
class Drawing:
    """How things are drawn; the yaml of the viewer says what each value means."""

    max_faces: int
    error_range_cm: float
    image_height: int
    jpeg_quality: int
    frustum_m: float


class Placing:
    """What stands in viser's scene. `on_object` and `on_camera` are called with what was clicked and the viewer."""

    def __init__(
        self,
        server: "viser.ViserServer",
        drawing: Drawing,
        *,
        on_object: Callable[[str], None],
        on_camera: Callable[[CameraNode, "viser.ClientHandle | None"], None],
    ) -> None:
        self._scene, self._drawing = server.scene, drawing
        self._scene.set_background_image(BACKGROUND)
        self._on_object, self._on_camera = on_object, on_camera
        self._placed: dict[str, tuple[Node, list[Any]]] = {}

    @property
    def nodes(self) -> dict[str, Node]:
        """What is shown now."""
        return {name: node for name, (node, _) in self._placed.items()}

    def show(self, nodes: dict[str, Node], views: dict[int, ViewRecord]) -> None:
        """Make the scene hold exactly `nodes`. `views`: frame number -> view, for the cameras."""
        for name in [n for n, (node, _) in self._placed.items() if nodes.get(n) != node]:
            for handle in self._placed.pop(name)[1]:
                handle.remove()
        for name, node in nodes.items():
            if name not in self._placed:
                self._placed[name] = (node, self._draw(name, node, views))

    def show_cameras(self, visible: bool) -> None:
        """Hide all cameras, as for a look through one of them, or show them again."""
        for node, handles in self._placed.values():
            if isinstance(node, CameraNode):
                for handle in handles:
                    handle.visible = visible

    def _draw(self, name: str, node: Node, views: dict[int, ViewRecord]) -> list[Any]:
        """Handles of what was added; none when there is nothing to draw."""
        match node:
            case MeshNode() | TruthNode():
                return self._draw_shape(name, node)
            case HiddenNode():
                points = hidden_points(node)
                return [] if points is None else [self._points(name, points, rgb(HIDDEN).astype(np.uint8))]
            case CameraNode():
                return self._draw_camera(name, node, views[node.index])
            case LabelNode():
                return [self._scene.add_label(name, node.text, position=node.position)]
            case GridNode():
                return [self._draw_grid(name, node)]

    def _draw_shape(self, name: str, node: MeshNode | TruthNode) -> list[Any]:
        limits = {"max_faces": self._drawing.max_faces, "error_range": self._drawing.error_range_cm / 100}
        shape: Shape | None
        shape = mesh_shape(node, **limits) if isinstance(node, MeshNode) else truth_shape(node, **limits)
        if shape is None:
            return []
        if not len(shape.faces):
            return [self._points(name, shape.vertices, shape.colors)]
        handle = self._scene.add_glb(name, shape.glb(), wxyz=_Y_UP_TO_Z_UP, cast_shadow=False, receive_shadow=False)
        handle.on_click(lambda _: self._on_object(node.object))
        return [handle]

    def _draw_camera(self, name: str, node: CameraNode, view: ViewRecord) -> list[Any]:
        look = through(view.camera, view.camera_to_world)
        handle = self._scene.add_camera_frustum(
            name,
            fov=look.fov,
            aspect=view.camera.width / view.camera.height,
            scale=self._drawing.frustum_m,
            thickness=0.004,
            color=rgb(HELD_OUT if node.held_out else USED).astype(np.uint8),
            image=picture(node, height=self._drawing.image_height),
            jpeg_quality=self._drawing.jpeg_quality,
            wxyz=look.wxyz,
            position=look.position,
            cast_shadow=False,
            receive_shadow=False,
        )
        handle.on_click(lambda event: self._on_camera(node, event.client))
        return [handle]

    def _draw_grid(self, name: str, node: GridNode) -> Any:
        return self._scene.add_grid(
            name, node.size, node.size, cell_size=0.5, section_size=1.0, position=node.position, shadow_opacity=0.0
        )

    def _points(self, name: str, points: np.ndarray, colors: Any) -> Any:
        return self._scene.add_point_cloud(
            name, points.astype(np.float32), colors, point_size=_POINT_M, point_shape="circle", precision="float32"
        )
