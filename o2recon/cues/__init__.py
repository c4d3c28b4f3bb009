"""What supervises geometry beside colour: sensor depth and normals from depth."""

from o2recon.cues.cues import Cues, blend_normals
from o2recon.cues.depth import surface_depth
from o2recon.cues.normal import normals_from_depth

__all__ = ["Cues", "blend_normals", "normals_from_depth", "surface_depth"]
