"""Runs as files: what identifies them, how they are planned, written and locked, and what a sweep of them has done."""

from o2recon.sweep.damage import MESH, MESHED, TRAINED, damage
from o2recon.sweep.estimate import Estimates, earlier_results
from o2recon.sweep.fingerprint import (
    changes,
    deciding,
    fingerprint_of_files,
    run_config,
    run_fingerprint,
    with_network,
)
from o2recon.sweep.journal import HEARTBEAT_S, Journal, Record, Standing, latest_sweep, new_sweep, standing
from o2recon.sweep.listing import listing
from o2recon.sweep.lock import Busy, exclusive, is_held, shared
from o2recon.sweep.plan import Planned, duration, plan_lines, run_state, totals
from o2recon.sweep.result import RESULT, is_finished, parsed_config, read_result, write_result
from o2recon.sweep.status import Entry, study_status
from o2recon.sweep.storage import KINDS, Removable, bytes_shown, holdings, prepared_holdings, removable, remove

__all__ = [
    "HEARTBEAT_S",
    "KINDS",
    "MESH",
    "MESHED",
    "RESULT",
    "TRAINED",
    "Busy",
    "Entry",
    "Estimates",
    "Journal",
    "Planned",
    "Record",
    "Removable",
    "Standing",
    "bytes_shown",
    "changes",
    "damage",
    "deciding",
    "duration",
    "earlier_results",
    "exclusive",
    "fingerprint_of_files",
    "holdings",
    "is_finished",
    "is_held",
    "latest_sweep",
    "listing",
    "new_sweep",
    "parsed_config",
    "plan_lines",
    "prepared_holdings",
    "read_result",
    "removable",
    "remove",
    "run_config",
    "run_fingerprint",
    "run_state",
    "shared",
    "standing",
    "study_status",
    "totals",
    "with_network",
    "write_result",
]
