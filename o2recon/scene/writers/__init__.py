"""Writers: a scene into one layout each."""

from o2recon.scene.writers.colmap import ColmapWriter
from o2recon.scene.writers.nerfstudio import NerfstudioWriter
from o2recon.scene.writers.o2recon_training import O2ReconTrainingWriter
from o2recon.scene.writers.scannet import ScanNetWriter

__all__ = ["ColmapWriter", "NerfstudioWriter", "O2ReconTrainingWriter", "ScanNetWriter"]
