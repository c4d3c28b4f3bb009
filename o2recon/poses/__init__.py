"""Camera poses that drift, refined for one object on depth and silhouette."""

from o2recon.poses.scene import Correction, Given, PosedScene, Refined, Source

__all__ = ["Correction", "Given", "PosedScene", "Refined", "Source"]
