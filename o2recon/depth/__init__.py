"""Depth for captures that have none: from a network, or from the objects' silhouettes."""

from o2recon.depth.scene import DepthScene, Given, Source

__all__ = ["DepthScene", "Given", "Source"]
