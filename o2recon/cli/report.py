"""The stage `report`: tables and the page of one study, and its comparison on a dashboard."""

from pathlib import Path

from o2recon.cli.build import build
from o2recon.cli.job import Job


def run(job: Job) -> Path:
    """Write the report of `study=` and name it; then tell the dashboard of `logger=`."""
    logger = build(job.config.logger)
    index: Path = build(job.config.report)(job.study, Path(job.config.work))
    print(f"report: {index}")
    logger.study(job.study)
    return index
