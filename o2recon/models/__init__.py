"""Pre-trained networks behind plain callables; torch, diffusers and transformers are imported on first use only."""

from o2recon.models.depth import MonocularDepth
from o2recon.models.inpainting import InpaintingPipeline
from o2recon.models.marigold import MarigoldDepth, MarigoldNormals
from o2recon.models.network import Network
from o2recon.models.sam import SegmentAnything
from o2recon.models.snu import SurfaceNormalUncertainty
from o2recon.models.weights import (
    FoundPipeline,
    MissingWeights,
    download,
    find_weights,
    hub_cache,
    inpainting_pipelines,
    weights_identity,
)

__all__ = [
    "FoundPipeline",
    "InpaintingPipeline",
    "MarigoldDepth",
    "MarigoldNormals",
    "MissingWeights",
    "MonocularDepth",
    "Network",
    "SegmentAnything",
    "SurfaceNormalUncertainty",
    "download",
    "find_weights",
    "hub_cache",
    "inpainting_pipelines",
    "weights_identity",
]
