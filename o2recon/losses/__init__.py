"""One file per loss term; each is called as loss(output, rays, points) and gives an unweighted scalar."""

from o2recon.losses.color import ColorLoss
from o2recon.losses.depth import AbsoluteDepthLoss, DepthLoss
from o2recon.losses.eikonal import EikonalLoss, SphereEikonalLoss
from o2recon.losses.free_space import FreeSpaceLoss, HullLoss, SensorFreeSpaceLoss
from o2recon.losses.mask import MaskLoss
from o2recon.losses.mean import of_the_whole_batch
from o2recon.losses.normal import MeasuredNormalLoss, NormalLoss
from o2recon.losses.prior import PriorLoss
from o2recon.losses.ramped import Ramped
from o2recon.losses.residual import ResidualLoss
from o2recon.losses.sdf import RaySdfLoss, SdfLoss
from o2recon.losses.semantic import SemanticLoss, SemanticTarget
from o2recon.losses.surface_area import SurfaceAreaLoss

__all__ = [
    "AbsoluteDepthLoss",
    "ColorLoss",
    "DepthLoss",
    "EikonalLoss",
    "FreeSpaceLoss",
    "HullLoss",
    "MaskLoss",
    "MeasuredNormalLoss",
    "NormalLoss",
    "PriorLoss",
    "Ramped",
    "RaySdfLoss",
    "ResidualLoss",
    "SdfLoss",
    "SemanticLoss",
    "SemanticTarget",
    "SensorFreeSpaceLoss",
    "SphereEikonalLoss",
    "SurfaceAreaLoss",
    "of_the_whole_batch",
]
