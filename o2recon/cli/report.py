"""The stage `report`: tables and the page of one study."""

from pathlib import Path

from hydra.utils import instantiate

from o2recon.cli.job import Job


def run(job: Job) -> Path:
    """Write the report of `study=` and name it."""
    index: Path = instantiate(job.config.report)(job.study, job.work)
    print(f"report: {index}")
    return index
