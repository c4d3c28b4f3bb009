"""Voxel volumes of one object: what all frames together say about the space around it."""

from o2recon.volume.build import BuildVolume, object_grid
from o2recon.volume.carving import Carving, carve
from o2recon.volume.completion import Completion
from o2recon.volume.fusion import Fusion
from o2recon.volume.observation import Known, Observation
from o2recon.volume.planes import FlatPart, PlaneSearch
from o2recon.volume.projection import frames_facing
from o2recon.volume.surface import SeenSurface, permitted_behind, seen_surface
from o2recon.volume.symmetry import MirrorPlane, SymmetrySearch

__all__ = [
    "BuildVolume",
    "Carving",
    "Completion",
    "FlatPart",
    "Fusion",
    "Known",
    "MirrorPlane",
    "Observation",
    "PlaneSearch",
    "SeenSurface",
    "SymmetrySearch",
    "carve",
    "frames_facing",
    "object_grid",
    "permitted_behind",
    "seen_surface",
]
