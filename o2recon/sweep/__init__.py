"""Runs as files: what identifies them, how their results are written, who works on them, and which are done."""

from o2recon.sweep.fingerprint import changes, fingerprint_of_files, run_config, run_fingerprint
from o2recon.sweep.lock import Busy, exclusive, is_held, shared
from o2recon.sweep.result import RESULT, is_finished, read_result, write_result
from o2recon.sweep.status import Entry, study_status

__all__ = [
    "RESULT",
    "Busy",
    "Entry",
    "changes",
    "exclusive",
    "fingerprint_of_files",
    "is_finished",
    "is_held",
    "read_result",
    "run_config",
    "run_fingerprint",
    "shared",
    "study_status",
    "write_result",
]
