"""Synthetic rooms: procedural furniture that hides itself, scanned with a simulated sensor, with exact truth."""

from o2recon.scene.synth.layout import Item
from o2recon.scene.synth.room import SyntheticRoom
from o2recon.scene.synth.sensor import Sensor

__all__ = ["Item", "Sensor", "SyntheticRoom"]
