"""Readers: one layout of captures each, from its files to a Capture."""

from o2recon.scene.readers.arkit_scenes import ArkitScenesReader
from o2recon.scene.readers.bundlefusion import BundleFusionReader
from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.nerfstudio import NerfstudioReader
from o2recon.scene.readers.o2recon_object import O2ReconObjectReader
from o2recon.scene.readers.o2recon_training import O2ReconTrainingReader
from o2recon.scene.readers.polycam import PolycamReader
from o2recon.scene.readers.record3d import Record3dReader
from o2recon.scene.readers.replica import ReplicaReader
from o2recon.scene.readers.rgb_folder import RgbFolderReader
from o2recon.scene.readers.scannet import ScanNetReader
from o2recon.scene.readers.scannet_raw import ScanNetRawReader
from o2recon.scene.readers.scannetpp import ScanNetPPReader
from o2recon.scene.readers.seven_scenes import SevenScenesReader
from o2recon.scene.readers.stray_scanner import StrayScannerReader
from o2recon.scene.readers.tum import TumReader

__all__ = [
    "ArkitScenesReader",
    "BundleFusionReader",
    "ColmapReader",
    "NerfstudioReader",
    "O2ReconObjectReader",
    "O2ReconTrainingReader",
    "PolycamReader",
    "Record3dReader",
    "ReplicaReader",
    "RgbFolderReader",
    "ScanNetPPReader",
    "ScanNetRawReader",
    "ScanNetReader",
    "SevenScenesReader",
    "StrayScannerReader",
    "TumReader",
]
