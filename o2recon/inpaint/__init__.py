"""Colour, depth and normals where the object is hidden, with a confidence for every pixel."""

from o2recon.inpaint.agreement import Agreement, agreements, mean_difference
from o2recon.inpaint.alignment import CONVENTIONS, Alignment, align, aligned_depth, plain_depth
from o2recon.inpaint.cache import PictureCache, content_key
from o2recon.inpaint.canvas import COPIED, NOTHING, PAINTED, PHOTOGRAPHED, WARPED, Canvas
from o2recon.inpaint.classical import Classical, nearest_color
from o2recon.inpaint.consistency import Consistency
from o2recon.inpaint.depth import AlignedMonocular, EightBit
from o2recon.inpaint.diffusion import Diffusion
from o2recon.inpaint.exposure import exposure_gains
from o2recon.inpaint.geometry import CompletedGeometry, complete_geometry, depth_normals, replaced_geometry
from o2recon.inpaint.inpaint import Inpaint
from o2recon.inpaint.painter import Painted, Painter, Request
from o2recon.inpaint.painting import Painting
from o2recon.inpaint.preferred import Preferred
from o2recon.inpaint.prompt import Prompt
from o2recon.inpaint.reproject import Copied, Reproject
from o2recon.inpaint.sketched import SketchedDepthMasks
from o2recon.inpaint.sources import Sight, SourceView, bilinear, seen_points, source_view
from o2recon.inpaint.training import TrainingDepth, TrainingPainter
from o2recon.inpaint.window import Window, window_around

__all__ = [
    "CONVENTIONS",
    "COPIED",
    "NOTHING",
    "PAINTED",
    "PHOTOGRAPHED",
    "WARPED",
    "Agreement",
    "AlignedMonocular",
    "Alignment",
    "Canvas",
    "Classical",
    "CompletedGeometry",
    "Consistency",
    "Copied",
    "Diffusion",
    "EightBit",
    "Inpaint",
    "Painted",
    "Painter",
    "Painting",
    "PictureCache",
    "Preferred",
    "Prompt",
    "Reproject",
    "Request",
    "Sight",
    "SketchedDepthMasks",
    "SourceView",
    "TrainingDepth",
    "TrainingPainter",
    "Window",
    "agreements",
    "align",
    "aligned_depth",
    "bilinear",
    "complete_geometry",
    "content_key",
    "depth_normals",
    "exposure_gains",
    "mean_difference",
    "nearest_color",
    "plain_depth",
    "replaced_geometry",
    "seen_points",
    "source_view",
    "window_around",
]
