"""What supervises geometry beside colour: normals and depth, of the sensor, of networks or from files."""

from o2recon.cues.axes import faces_camera, to_opencv
from o2recon.cues.cues import Cues
from o2recon.cues.depth import surface_depth
from o2recon.cues.depth_maps import DepthCue, DepthMaps
from o2recon.cues.files import LAYOUTS, Stored
from o2recon.cues.maps import CueView, Maps, Predicted
from o2recon.cues.normal import normals_from_depth
from o2recon.cues.normal_maps import NormalMaps
from o2recon.cues.sensor import SensorNormals, blend_normals

__all__ = [
    "LAYOUTS",
    "CueView",
    "Cues",
    "DepthCue",
    "DepthMaps",
    "Maps",
    "NormalMaps",
    "Predicted",
    "SensorNormals",
    "Stored",
    "blend_normals",
    "faces_camera",
    "normals_from_depth",
    "surface_depth",
    "to_opencv",
]
