"""Object ids for captures that have none, or others than they have: from boxes, masks in files, networks."""

from o2recon.instances.box import Box, read_boxes
from o2recon.instances.boxes import BoxMasks
from o2recon.instances.files import MaskFiles
from o2recon.instances.planes import PlaneSearch
from o2recon.instances.sam import PromptedMasks
from o2recon.instances.scene import InstanceScene, Source

__all__ = [
    "Box",
    "BoxMasks",
    "InstanceScene",
    "MaskFiles",
    "PlaneSearch",
    "PromptedMasks",
    "Source",
    "read_boxes",
]
