"""Colour, depth and normals where the object is hidden, with a confidence for every pixel."""

from o2recon.inpaint.classical import Classical, nearest_color
from o2recon.inpaint.exposure import exposure_gains
from o2recon.inpaint.geometry import CompletedGeometry, complete_geometry
from o2recon.inpaint.inpaint import Inpaint
from o2recon.inpaint.painter import Painter
from o2recon.inpaint.reproject import Copied, Reproject
from o2recon.inpaint.sources import Sight, SourceView, bilinear, seen_points, source_view

__all__ = [
    "Classical",
    "CompletedGeometry",
    "Copied",
    "Inpaint",
    "Painter",
    "Reproject",
    "Sight",
    "SourceView",
    "bilinear",
    "complete_geometry",
    "exposure_gains",
    "nearest_color",
    "seen_points",
    "source_view",
]
