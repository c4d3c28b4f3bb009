"""Depth for captures that have none: from a network, or from the objects' silhouettes."""

from o2recon.depth.features import Features
from o2recon.depth.fitting import Fitter
from o2recon.depth.network import NetworkDepth
from o2recon.depth.scene import DepthScene, Given, Source

__all__ = ["DepthScene", "Features", "Fitter", "Given", "NetworkDepth", "Source"]
