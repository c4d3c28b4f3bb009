"""From a signed distance to a closed, metric, coloured mesh with its evidence, and pictures of it."""

from o2recon.mesh.raycast import Caster
from o2recon.mesh.render import colormap, contact_sheet, render_mesh, render_view, render_views

__all__ = ["Caster", "colormap", "contact_sheet", "render_mesh", "render_view", "render_views"]
