"""Readers of captures: everything behind them sees the same frames, poses and labels."""

from o2recon.scene.floor import floor_height
from o2recon.scene.scannet import ScanNetScene
from o2recon.scene.scene import DamagedFrame, Label, Scene

__all__ = ["DamagedFrame", "Label", "ScanNetScene", "Scene", "floor_height"]
