"""Readers of captures: everything behind them sees the same frames, poses and labels."""

from o2recon.scene.floor import floor_height
from o2recon.scene.given import GivenDepth, GivenIds, GivenOutlines
from o2recon.scene.recorded import RecordedScene
from o2recon.scene.scene import DamagedFrame, Label, Scene
from o2recon.scene.selection import Dropped, Kept, Selection
from o2recon.scene.training_folder import TrainingFolder

__all__ = [
    "DamagedFrame",
    "Dropped",
    "GivenDepth",
    "GivenIds",
    "GivenOutlines",
    "Kept",
    "Label",
    "RecordedScene",
    "Scene",
    "Selection",
    "TrainingFolder",
    "floor_height",
]
