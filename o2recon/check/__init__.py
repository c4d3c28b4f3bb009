"""Whether a capture means what its reader takes it for: tested before anything is computed from it."""

from o2recon.check.check import ConventionCheck
from o2recon.check.findings import Finding, Report
from o2recon.check.sheet import Shown, contact_sheet

__all__ = ["ConventionCheck", "Finding", "Report", "Shown", "contact_sheet"]
