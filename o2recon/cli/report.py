"""The stage `report`: tables and the page of one study."""

from pathlib import Path

from o2recon.cli.build import build
from o2recon.cli.job import Job


def run(job: Job) -> Path:
    """Write the report of `study=` and name it."""
    index: Path = build(job.config.report)(job.study, Path(job.config.work))
    print(f"report: {index}")
    return index
