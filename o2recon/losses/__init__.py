"""One file per loss term; each is called as loss(output, rays, points) and gives an unweighted scalar."""

from o2recon.losses.color import ColorLoss
from o2recon.losses.depth import DepthLoss
from o2recon.losses.eikonal import EikonalLoss
from o2recon.losses.free_space import FreeSpaceLoss, HullLoss
from o2recon.losses.mask import MaskLoss
from o2recon.losses.normal import NormalLoss
from o2recon.losses.prior import PriorLoss
from o2recon.losses.residual import ResidualLoss
from o2recon.losses.sdf import SdfLoss
from o2recon.losses.surface_area import SurfaceAreaLoss

__all__ = [
    "ColorLoss",
    "DepthLoss",
    "EikonalLoss",
    "FreeSpaceLoss",
    "HullLoss",
    "MaskLoss",
    "NormalLoss",
    "PriorLoss",
    "ResidualLoss",
    "SdfLoss",
    "SurfaceAreaLoss",
]
