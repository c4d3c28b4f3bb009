"""Whether a capture means what its reader takes it for: tested before anything is computed from it."""

from o2recon.check.check import ConventionCheck
from o2recon.check.findings import Finding, Report

__all__ = ["ConventionCheck", "Finding", "Report"]
