"""Writers: a scene into one layout each."""

from o2recon.scene.writers.bundlefusion import BundleFusionWriter
from o2recon.scene.writers.colmap import ColmapWriter
from o2recon.scene.writers.nerfstudio import NerfstudioWriter
from o2recon.scene.writers.o2recon_training import O2ReconTrainingWriter
from o2recon.scene.writers.replica import ReplicaWriter
from o2recon.scene.writers.scannet import ScanNetWriter
from o2recon.scene.writers.scannet_raw import ScanNetRawWriter
from o2recon.scene.writers.tum import TumWriter

__all__ = [
    "BundleFusionWriter",
    "ColmapWriter",
    "NerfstudioWriter",
    "O2ReconTrainingWriter",
    "ReplicaWriter",
    "ScanNetRawWriter",
    "ScanNetWriter",
    "TumWriter",
]
