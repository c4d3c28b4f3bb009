"""Simple methods on the same prepared objects, so that no result stands alone."""

from o2recon.baselines.hull import Hull
from o2recon.baselines.poisson import screened_poisson
from o2recon.baselines.tsdf import Tsdf
from o2recon.baselines.tsdf_closed import TsdfClosed

__all__ = ["Hull", "Tsdf", "TsdfClosed", "screened_poisson"]
