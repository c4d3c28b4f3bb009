"""Voxel volumes of one object: what all frames together say about the space around it."""

from o2recon.volume.carving import Carving, carve

__all__ = ["Carving", "carve"]
