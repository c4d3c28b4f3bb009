"""The stage `view`: the runs of one study in the browser."""

from pathlib import Path

from o2recon.cli.build import build
from o2recon.cli.job import Job


def run(job: Job) -> None:
    """Serve the page of `study=` until Ctrl-C."""
    build(job.config.view)(job.study, Path(job.config.work))
