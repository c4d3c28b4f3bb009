"""The stage `demo`: a synthetic room, then the whole pipeline on it."""

from typing import Any

from o2recon.cli.job import Job
from o2recon.cli.run import run as run_chain
from o2recon.cli.synth import write_room


def run(job: Job) -> list[dict[str, Any]]:
    """Write the room unless it is there already, and reconstruct its objects."""
    job.config.scene.root = str(write_room(job))
    return run_chain(job)
