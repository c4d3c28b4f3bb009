"""Which pixels show the object, hide it, may hide it, or say nothing."""

from o2recon.masks.crop import Crop, crop_camera, object_crop
from o2recon.masks.hidden import Claims, carved_claims, covered, occlusion_margin, settle
from o2recon.masks.labels import PixelLabels, dilate, erode, pixel_labels, wide_gaps
from o2recon.masks.masks import Masks, sketch_file
from o2recon.masks.membrane import harmonic_depth, harmonic_fill
from o2recon.masks.sketches import LiftedSketch, carry, lift, splat_depth
from o2recon.masks.surface import SeenSurface, permitted_behind, seen_surface

__all__ = [
    "Claims",
    "Crop",
    "LiftedSketch",
    "Masks",
    "PixelLabels",
    "SeenSurface",
    "carry",
    "carved_claims",
    "covered",
    "crop_camera",
    "dilate",
    "erode",
    "harmonic_depth",
    "harmonic_fill",
    "lift",
    "object_crop",
    "occlusion_margin",
    "permitted_behind",
    "pixel_labels",
    "seen_surface",
    "settle",
    "sketch_file",
    "splat_depth",
    "wide_gaps",
]
