"""Prepared object folder -> training rays and points (Lightning lives here and in train/)."""

from o2recon.data.module import Blocks, Chunks, Draw, ObjectData, step_seed
from o2recon.data.points import PointBatch, PointSampler, VolumeField
from o2recon.data.rays import RayBuilder
from o2recon.data.sampler import RaySampler
from o2recon.data.table import RayTable, Role, box_interval, concatenated

__all__ = [
    "Blocks",
    "Chunks",
    "Draw",
    "ObjectData",
    "PointBatch",
    "PointSampler",
    "RayBuilder",
    "RaySampler",
    "RayTable",
    "Role",
    "VolumeField",
    "box_interval",
    "concatenated",
    "step_seed",
]
