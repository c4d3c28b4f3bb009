"""Object ids for captures that have none, or others than they have: from boxes, masks in files, networks."""

from o2recon.instances.files import MaskFiles
from o2recon.instances.scene import Given, InstanceScene, Source

__all__ = ["Given", "InstanceScene", "MaskFiles", "Source"]
