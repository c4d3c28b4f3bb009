"""Vertex colours: from a colour field, and as a mesh holds them."""

from collections.abc import Callable

import numpy as np
import torch
import trimesh
from jaxtyping import Float, UInt8
from torch import Tensor

from o2recon.mesh.chunks import InChunks
from o2recon.transforms import world_to_object
from o2recon.types import ObjectFrame

Color = Callable[[Float[Tensor, "points 3"], Float[Tensor, "points 3"]], Float[Tensor, "points 3"]]


def vertex_colors(
    mesh: trimesh.Trimesh, color: Color, frame: ObjectFrame, *, chunk: int, device: str | torch.device = "cpu"
) -> UInt8[np.ndarray, "vertices 3"]:
    """sRGB of every vertex. `color` takes points and unit outward normals in the object frame and gives RGB in [0, 1].

    A view-dependent field is to be asked along the inward normal. ValueError when a colour is not finite.
    """
    points = torch.from_numpy(world_to_object(frame, np.asarray(mesh.vertices)).astype(np.float32))
    normals = torch.from_numpy((np.asarray(mesh.vertex_normals) @ frame.rotation).astype(np.float32))
    asked = InChunks(lambda p, n: color(p.to(device), n.to(device)).detach().float().cpu(), chunk=chunk)
    with torch.no_grad():
        parts = asked(points, normals)
    rgb = torch.cat(parts).numpy() if parts else np.zeros((0, 3), np.float32)
    if not np.isfinite(rgb).all():
        raise ValueError("the colour field is not finite on the surface: training diverged; lower the learning rate")
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def stored_colors(mesh: trimesh.Trimesh) -> UInt8[np.ndarray, "vertices 3"] | None:
    """sRGB of every vertex as the mesh holds it, None when it has no vertex colours."""
    if not isinstance(mesh.visual, trimesh.visual.ColorVisuals) or mesh.visual.kind != "vertex":
        return None
    return np.asarray(mesh.visual.vertex_colors)[:, :3].astype(np.uint8)


def set_colors(mesh: trimesh.Trimesh, rgb: UInt8[np.ndarray, "vertices 3"]) -> None:
    """Give every vertex an sRGB colour."""
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=rgb)
