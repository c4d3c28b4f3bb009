"""Depth for captures that have none: from a network, or from the objects' silhouettes."""

from o2recon.depth.features import Features
from o2recon.depth.fitting import Fitter
from o2recon.depth.hull import Carver
from o2recon.depth.network import NetworkDepth
from o2recon.depth.scene import DepthScene, Source
from o2recon.depth.silhouettes import Silhouettes

__all__ = ["Carver", "DepthScene", "Features", "Fitter", "NetworkDepth", "Silhouettes", "Source"]
