"""The stage `status`: what is done, running, failed, unfinished or stale in a study."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from o2recon.cli.job import Job
from o2recon.sweep import Entry, study_status


def run(job: Job) -> list[Entry]:
    """Print one row per run and the totals."""
    entries = study_status(job.study)
    table = Table(title=str(job.study))
    for name in ("experiment", "ablation", "scene", "object", "seed", "state", "note"):
        table.add_column(name, overflow="fold")
    for e in entries:
        table.add_row(e.experiment, e.ablation, e.scene, e.object, e.seed, e.state, e.note)
    console = Console()
    console.print(table)
    totals = Counter(e.state for e in entries)
    console.print(", ".join(f"{count} {state}" for state, count in totals.items()) or "no runs")
    return entries
