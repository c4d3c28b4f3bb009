"""From a signed distance to a closed, metric, coloured mesh with its evidence, and pictures of it."""

from o2recon.mesh.clean import kept_faces, remove_floaters, split
from o2recon.mesh.color import set_colors, stored_colors, vertex_colors
from o2recon.mesh.evidence import Evidence, area_shares, vertex_evidence
from o2recon.mesh.export import read_evidence, read_mesh, write_glb, write_ply, write_scene
from o2recon.mesh.gltf import Glb, TexturedMesh, encoded
from o2recon.mesh.marching import extract
from o2recon.mesh.mesh import Mesher, MeshResult, summary
from o2recon.mesh.raycast import Caster
from o2recon.mesh.render import colormap, contact_sheet, orbit, render_looks, render_mesh, render_view, render_views
from o2recon.mesh.visible import DepthView, visible_faces, visible_part

__all__ = [
    "Caster",
    "DepthView",
    "Evidence",
    "Glb",
    "MeshResult",
    "Mesher",
    "TexturedMesh",
    "area_shares",
    "colormap",
    "contact_sheet",
    "encoded",
    "extract",
    "kept_faces",
    "orbit",
    "read_evidence",
    "read_mesh",
    "remove_floaters",
    "render_looks",
    "render_mesh",
    "render_view",
    "render_views",
    "set_colors",
    "split",
    "stored_colors",
    "summary",
    "vertex_colors",
    "vertex_evidence",
    "visible_faces",
    "visible_part",
    "write_glb",
    "write_ply",
    "write_scene",
]
