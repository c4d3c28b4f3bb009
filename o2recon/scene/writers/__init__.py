"""Writers: a scene into one layout each."""

from o2recon.scene.writers.o2recon_training import O2ReconTrainingWriter

__all__ = ["O2ReconTrainingWriter"]
