"""Which pixels show the object, hide it, may hide it, or say nothing."""

from o2recon.masks.crop import Crop, crop_camera, object_crop, object_pixels
from o2recon.masks.given import GivenMasks
from o2recon.masks.hidden import Claims, carved_claims, covered, given_claims, occlusion_margin, settle
from o2recon.masks.labels import PixelLabels, dilate, erode, pixel_labels, wide_gaps
from o2recon.masks.masks import Masks, Window, sketch_file
from o2recon.masks.membrane import harmonic_depth, harmonic_fill
from o2recon.masks.painted import painted_file, painted_files, painted_sketches
from o2recon.masks.sketches import LiftedSketch, carry, lift, splat_depth
from o2recon.masks.training import TrainingMasks

__all__ = [
    "Claims",
    "Crop",
    "GivenMasks",
    "LiftedSketch",
    "Masks",
    "PixelLabels",
    "TrainingMasks",
    "Window",
    "carry",
    "carved_claims",
    "covered",
    "crop_camera",
    "dilate",
    "erode",
    "given_claims",
    "harmonic_depth",
    "harmonic_fill",
    "lift",
    "object_crop",
    "object_pixels",
    "occlusion_margin",
    "painted_file",
    "painted_files",
    "painted_sketches",
    "pixel_labels",
    "settle",
    "sketch_file",
    "splat_depth",
    "wide_gaps",
]
